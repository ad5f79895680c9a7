"""Each miner finds what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from bot.project.project import Example, ExampleEntity, Lookup, NluData
from bot.review.item import Reason
from bot.review.turn import Turn
from nlu.parse import Entity
from training.mining.corrections import corrections, rephrased_as
from training.mining.disagreement import disagreement
from training.mining.duplicates import groups
from training.mining.fallback import confirmed, fallback
from training.mining.handoffs import handoffs
from training.mining.rare import known, rare_entities
from training.mining.seen import Seen
from training.mining.suspects import suspects
from training.mining.uncertain import low_confidence, low_margin


def seen(*turns: Turn, **given: object) -> Seen:
    count = len(turns)
    fields = {
        "intents": ["a"] * count,
        "answers": given.get("intents", ["a"] * count),
        "seconds": ["b"] * count,
        "confidences": np.full(count, 0.95, np.float32),
        "margins": np.full(count, 0.9, np.float32),
        "inside": np.ones(count, np.float32),
        "vectors": np.eye(max(count, 1), 4, dtype=np.float32)[:count],
        "entities": [()] * count,
        "version": "v1",
    }
    return Seen(turns, **{**fields, **given})  # type: ignore[arg-type]


def said(*texts: str, at: float = 0.0, **more: object) -> list[Turn]:
    return [
        Turn("ann", seq, text, at=at + seq if at else 0.0, **more)  # type: ignore[arg-type]
        for seq, text in enumerate(texts, 1)
    ]


def reasons(found: object) -> list[tuple[int, str, str | None]]:
    return [(one.index, one.reason.miner, one.reason.suggested) for one in found]  # type: ignore[attr-defined]


def test_unsure_answers_and_near_ties_are_found_and_sure_ones_are_not():
    two = seen(*said("x", "y"), confidences=np.array([0.3, 0.95]), margins=np.array([0.9, 0.1]))
    assert [one.index for one in low_confidence(two)] == [0]
    [found] = low_margin(two)
    assert (found.index, found.reason.note) == (1, "a or b")
    assert found.reason.score == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        (Turn("c", 1, "x"), None),
        (Turn("c", 1, "x", fell_back=True), Reason("fallback", 0.6, "the model fell back")),
        (
            Turn("c", 1, "x", actions=("action_default_fallback",)),
            Reason("fallback", 0.7, "action_default_fallback"),
        ),
        (
            Turn("c", 1, "x", actions=("action_two_stage_fallback",), clicked="out_of_scope"),
            Reason("two_stage", 1.0, "asked whether None: denied"),
        ),
        (
            Turn("c", 1, "x", actions=("action_default_ask_affirmation",), clicked="order"),
            Reason("two_stage", 0.5, "asked, and confirmed by a button", "order"),
        ),
    ],
)
def test_what_the_bot_could_not_answer_is_found(turn: Turn, reason: Reason | None):
    assert [one.reason for one in fallback(seen(turn))] == ([reason] if reason else [])


def test_a_confirmed_guess_is_a_weak_label_and_a_denied_one_is_none():
    asked = Turn("c", 1, "x", actions=("action_default_ask_affirmation",), clicked="order")
    opinion = confirmed(asked, 5.0)
    assert opinion
    assert (opinion.kind, opinion.intent) == ("weak", "order")
    assert opinion.weight <= 0.5
    for turn in (
        Turn("c", 1, "x", actions=asked.actions, clicked="out_of_scope"),
        Turn("c", 1, "x", clicked="order"),
        Turn("c", 1, "x", actions=asked.actions),
    ):
        assert confirmed(turn, 5.0) is None


@pytest.mark.parametrize(
    "text",
    ["no, I meant the red one", "That's not what I asked", "Nein, ich meinte rot", "不是, 红的"],
)
def test_the_turn_before_a_correction_is_found(text: str):
    both = seen(*said("the blue one", text))
    assert reasons(corrections(both)) == [(0, "correction", "a")]


def test_the_turn_before_other_words_for_the_same_is_found_with_what_they_were_understood_as():
    vectors = np.array([[1, 0], [0.8, 0.6]], np.float32)
    both = seen(
        *said("parcel?", "where is my order", at=100.0), intents=["bye", "track"], vectors=vectors
    )
    assert reasons(corrections(both)) == [(0, "rephrased", "track")]
    [(index, weak)] = rephrased_as(both, 1.0).items()
    assert (index, weak.intent, weak.kind) == (0, "track", "weak")


@pytest.mark.parametrize(
    ("turns", "vectors"),
    [
        (said("a", "b", at=100.0), [[1, 0], [0, 1]]),
        (said("a", "a", at=100.0), [[1, 0], [1, 0]]),
        ([Turn("c", 1, "a", at=1.0), Turn("c", 2, "b", at=200.0)], [[1, 0], [0.8, 0.6]]),
        ([Turn("c", 1, "a"), Turn("d", 2, "b")], [[1, 0], [0.8, 0.6]]),
    ],
    ids=["something else", "the same again", "long after", "somebody else"],
)
def test_no_rephrasing(turns: list[Turn], vectors: list[list[float]]):
    assert list(corrections(seen(*turns, vectors=np.array(vectors, np.float32)))) == []


def test_turns_that_an_agent_answered_are_found_with_the_answer():
    one = Turn("c", 1, "x", agent=("Your money comes on Monday.",))
    [found] = handoffs(seen(one, *said("y")))
    assert found.index == 0
    assert "Monday" in found.reason.note


def test_turns_that_two_models_understand_differently_are_found():
    current, other = seen(*said("x", "y")), seen(*said("x", "y"), intents=["a", "c"])
    assert reasons(disagreement(current, other)) == [(1, "disagreement", "c")]


def test_rare_entities_and_unknown_values_are_found():
    examples = tuple(
        Example("to Paris", "go", (ExampleEntity(3, 8, "city", "Paris"),)) for _ in range(10)
    )
    data = NluData((*examples, Example("size M", "buy", (ExampleEntity(5, 6, "size", "m"),))))
    data = NluData(data.examples, {"paname": "Paris"}, (), (Lookup("city", ("Rome",)),))

    def found(*entities: Entity) -> list[tuple[str, str]]:
        there = seen(*said("x"), entities=[entities])
        return [(one.reason.miner, one.reason.note) for one in rare_entities(there, known(data))]

    assert found(Entity("city", "paris", 0, 1)) == []
    assert found(Entity("city", "ROME", 0, 1)) == []
    assert found(Entity("city", "Paname", 0, 1)) == []
    [(miner, note)] = found(Entity("city", "Pariss", 0, 1))
    assert (miner, "near 'paris'" in note) == ("unknown_value", True)
    assert found(Entity("size", "m", 0, 1)) == [("rare_entity", "size has 1 examples")]


def test_near_duplicates_share_a_group_and_others_have_none():
    texts = [
        "Where is my order?",
        "where is my ORDER",
        "where is my order now?!",
        "cancel it",
        "!!",
    ]
    same = np.array([[1, 0]] * 3 + [[0, 1]] * 2, np.float32)
    named = groups(texts, same)
    assert named[0] == named[1] != ""
    assert named[3:] == ["", ""]
    apart = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]], np.float32)
    assert groups(texts, apart)[2] == ""
    assert groups([], np.zeros((0, 2), np.float32)) == []


def test_planted_wrong_labels_come_first_with_the_right_one_suggested():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 16))
    labels = np.repeat(np.arange(4), 50)
    vectors = centres[labels] + 0.4 * rng.normal(size=(200, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    wrong = set(rng.permutation(200)[:20].tolist())
    examples = [
        Example(str(i), f"i{(label + 1) % 4 if i in wrong else label}")
        for i, label in enumerate(labels.tolist())
    ]
    found = suspects(examples, vectors)
    first = [one.index for one in found[:20]]
    assert len(wrong & set(first)) >= 18
    right = {one.index: one.reason.suggested for one in found}
    assert all(right[i] == f"i{labels[i]}" for i in wrong & set(first))


@pytest.mark.parametrize(
    "intents", [[], ["a"], ["a", "a", "a"], ["a", "b"], ["a", "a", "b"]], ids=str
)
def test_among_too_few_labels_nothing_breaks(intents: list[str]):
    examples = [Example(str(n), intent) for n, intent in enumerate(intents)]
    vectors = np.eye(max(len(intents), 1), 4)[: len(intents)]
    assert all(isinstance(one.reason, Reason) for one in suspects(examples, vectors))
