"""Drift that is there is found, and none is found where there is none: by simulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from training.watch.drift import Alarm, Shift, alarms, shifts
from training.watch.measures import MEASURES, Sample, _area

TOPICS = np.random.default_rng(99).normal(size=(8, 24))
TIMES = 40  # parts of the reference: fewer than in earnest, to be quick


def drawn(seed: int, turns: int, kind: str = "") -> Sample:
    """Turns of a bot of eight intents, four a conversation, which has a favourite intent.

    ``kind`` is what moved away.
    """
    rng = np.random.default_rng([seed, turns, len(kind)])
    conversations = np.repeat(np.arange(turns // 4 + 1), 4)[:turns] + 1000 * seed
    weights = np.array([3.0] * 4 + [0.3] * 4) if kind == "intents" else np.ones(8)
    shares = weights / weights.sum()
    favourite = np.repeat(rng.choice(8, size=turns // 4 + 1, p=shares), 4)[:turns]
    loyal = rng.random(turns) < 0.3
    intents = np.where(loyal, favourite, rng.choice(8, size=turns, p=shares))
    points = TOPICS[intents] + rng.normal(size=(turns, 24))
    if kind == "vectors":
        points[rng.random(turns) < 0.5, :6] += 3
    return Sample(
        conversations,
        intents,
        rng.beta(4, 2.5, turns) if kind == "confidence" else rng.beta(8, 2, turns),
        rng.beta(20, 4, turns) if kind == "scope" else rng.beta(20, 1, turns),
        1 + rng.gamma(1, 0.2, turns) + 0.3 * (kind == "words"),
        points / np.linalg.norm(points, axis=1, keepdims=True),
    )


def found(reference: Sample, *windows: Sample) -> list[Shift]:
    return list(shifts({"all": (reference, windows)}, times=TIMES))


@pytest.mark.parametrize("kind", MEASURES)
def test_what_moved_in_two_windows_is_an_alarm_and_nothing_else(kind):
    told = found(drawn(1, 800), drawn(2, 250), drawn(3, 250, kind), drawn(4, 250, kind))
    assert [(each.measure, each.window) for each in alarms(told)][:1] == [(kind, 2)]
    expected = {kind, "vectors"} if kind == "intents" else {kind}  # other intents, other sentences
    assert {each.measure for each in alarms(told)} <= expected


def test_what_moved_in_one_window_is_none():
    told = found(drawn(1, 800), drawn(2, 250, "confidence"), drawn(3, 250), drawn(4, 250))
    assert "act" in {each.level for each in told}
    assert alarms(told) == []


def test_where_nothing_moves_there_is_no_alarm_and_hardly_a_window_above():
    told = [
        found(drawn(10 * run, 600), *(drawn(10 * run + n, 200) for n in range(1, 4)))
        for run in range(1, 6)
    ]
    assert [alarms(each) for each in told] == [[]] * 5
    acts = [each.level == "act" for run in told for each in run]
    assert (len(acts), sum(acts) <= 2) == (75, True)


def test_few_turns_say_nothing():
    assert found(drawn(1, 49), drawn(2, 250)) == []
    assert found(drawn(1, 250), drawn(2, 49, "words")) == []


def test_a_reference_of_one_conversation_cannot_tell_what_is_chance():
    one = drawn(1, 200)
    same = Sample(np.zeros(200, np.int64), *(getattr(one, f) for f in FIELDS))
    assert found(same, drawn(2, 200, "words")) == []


FIELDS = ("intents", "confidences", "inside", "pieces", "vectors")


def test_a_measure_of_the_same_is_nothing():
    one = drawn(1, 200)
    for name in ("intents", "confidence", "scope", "words"):
        assert MEASURES[name](one, one) == 0
    assert MEASURES["vectors"](one, one) < 0.2


def test_the_index_is_that_of_its_definition():
    def of(*counts: int) -> Sample:
        intents = np.repeat(np.arange(len(counts)), counts)
        rest = np.ones(len(intents))
        return Sample(intents, intents, rest, rest, rest, rest[:, None])

    shares, others = np.array([50.5, 50.5]) / 101, np.array([80.5, 20.5]) / 101
    expected = ((others - shares) * np.log(others / shares)).sum()
    assert MEASURES["intents"](of(50, 50), of(80, 20)) == pytest.approx(expected)
    assert expected > 0.25


@pytest.mark.parametrize(
    ("scores", "area"), [([0, 1, 2, 3], 1.0), ([3, 2, 1, 0], 0.0), ([1, 1, 1, 1], 0.5)]
)
def test_the_area_counts_equal_scores_half(scores: Sequence[float], area: float):
    is_new = np.array([False, False, True, True])
    assert _area(np.array(scores, float), is_new) == area


def test_an_alarm_tells_of_the_latest_two_in_a_row():
    def shift(window: int, value: float) -> Shift:
        return Shift(window, "words", "all", value, 0.1, 0.2, 100)

    up = [shift(0, 0.3), shift(1, 0.25), shift(2, 0.1), shift(3, 0.5)]
    assert alarms(up) == [Alarm(1, "words", "all", 0.25, 0.2)]
    assert shift(0, 0.15).level == "watch"
