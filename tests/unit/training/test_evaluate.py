from __future__ import annotations

import pytest

from nlu.parse import Entity
from training.evaluate import Answer, intent_of, score, top_columns, wilson

from .conftest import example


def answered(intent: str, *entities: tuple[int, int, str] | tuple[int, int, str, str]) -> Answer:
    found = (Entity(e[2], "", e[0], e[1], role=e[3] if len(e) > 3 else None) for e in entities)
    return Answer(intent, 0, (), tuple(found))


def test_a_perfect_model_scores_one_everywhere():
    scores = score([example("order", "red", colour="red")], [answered("order", (0, 3, "colour"))])
    assert (scores.intent_accuracy, scores.intent_macro_f1, scores.entities.f1) == (1, 1, 1)
    assert (scores.sentence_accuracy, scores.confusions, scores.role_accuracy) == (1, (), None)


def test_a_span_counts_only_with_both_ends_and_its_name():
    scores = score(
        [example("order", "dark red hat", colour="dark red", thing="hat")],
        [answered("order", (5, 8, "colour"), (9, 12, "thing"), (0, 4, "thing"))],
    )
    assert scores.by_entity["colour"].f1 == 0
    assert scores.by_entity["thing"].precision == 0.5
    assert scores.by_entity["thing"].recall == 1
    assert scores.entities.f1 == pytest.approx(2 / 5)
    assert scores.sentence_accuracy == 0


def test_roles_are_scored_where_the_span_is_right():
    scores = score(
        [example("order", "a b c", place__from="a", place__to="b", other="c")],
        [answered("order", (0, 1, "place", "from"), (2, 3, "place", "from"), (4, 5, "other"))],
    )
    assert scores.entities.f1 == 1
    assert scores.role_accuracy == 0.5


def test_confusions_name_both_intents_and_the_sentences():
    examples = [example("a", text) for text in ("one", "two", "three")]
    scores = score(examples, [answered("b"), answered("a"), answered("b")])
    [confusion] = scores.confusions
    assert (confusion.expected, confusion.answered, confusion.count) == ("a", "b", 2)
    assert confusion.texts == ("one", "three")
    assert scores.intent_accuracy == pytest.approx(1 / 3, abs=1e-4)


def test_macro_f1_counts_a_rare_intent_as_much_as_a_common_one():
    examples = [example("a", "x")] * 9 + [example("b", "y")]
    scores = score(examples, [answered("a")] * 10)
    assert scores.intent_macro_f1 == pytest.approx((18 / 19) / 2, abs=1e-4)


def test_wilsons_interval_is_as_published():
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=2e-4)  # Newcombe 1998, table I
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10)[1] == 1.0


def test_intervals_contain_the_score():
    examples = [example("a", "red", colour="red")] * 40
    answers = [answered("a", (0, 3, "colour"))] * 30 + [answered("b")] * 10
    scores = score(examples, answers)
    low, high = scores.entity_interval
    assert low < scores.entities.f1 < high
    low, high = scores.intent_interval
    assert low < scores.intent_accuracy < high


def test_the_answers_of_a_retrieval_intent_count_together():
    assert intent_of([0.4, 0.25, 0.35], ["order", "faq/hours", "faq/price"]) == "faq/price"


def test_nothing_to_score_is_no_crash():
    scores = score([], [])
    assert (scores.sentences, scores.intent_accuracy, scores.entities.f1) == (0, 0, 0)


def test_another_of_several_intents_in_first_place_is_no_difference():
    def said(*logits: float) -> Answer:
        return Answer("", logits.index(max(logits)), logits, ())

    before = [said(2.0, 1.9, -3.0), said(2.0, -1.0, -3.0), said(-2.0, -1.0, -3.0)]
    after = [said(1.9, 2.0, -3.0), said(-1.0, 2.0, -3.0), said(-1.0, -2.0, -3.0)]
    assert top_columns(before, after, several=True) == ([0, 0, 1], [0, 1, 1])
    assert top_columns(before, after, several=False) == ([0, 0, 1], [1, 1, 0])
