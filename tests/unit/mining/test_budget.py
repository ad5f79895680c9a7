"""The budget is kept, spread, and partly random."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from training.mining import budget
from training.mining.budget import Split, drawn, settling


@given(some.integers(0, 500), some.floats(0, 1), some.floats(0, 1))
def test_the_parts_of_a_budget_are_the_budget(total: int, random: float, share: float):
    suspects = (1 - random) * share
    counts = Split(random, 1 - random - suspects, suspects).counts(total)
    assert sum(counts) == total
    assert min(counts) >= 0


def cosines(*degrees: float) -> np.ndarray:
    """Vectors of length 1 in a plane, (degrees, 2)."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_what_many_turns_are_like_is_asked_before_what_one_is_more_in_doubt_of():
    vectors = cosines(0, 0, 0, 0, 90)
    assert settling(np.array([0.5, 0.5, 0.5, 0.5, 0.9]), vectors, 2) == [0, 4]


def test_one_that_is_answered_is_asked_again_only_where_much_rests_on_it():
    few = cosines(0, 0, 90)
    assert settling(np.array([0.9, 0.6, 0.5]), few, 2) == [0, 2]
    assert settling(np.array([0.9, 0.6, 0.5]), few, 2, chosen=[0]) == [2, 1]
    many = cosines(*[0] * 20, 90)
    assert 20 not in settling(np.array([0.9] * 20 + [0.5]), many, 2)


def test_what_is_in_no_doubt_is_not_asked():
    assert settling(np.zeros(3), np.eye(3, dtype=np.float32), 2) == []
    assert settling(np.array([0.0, 0.2]), np.eye(2, dtype=np.float32), 9) == [1]


def test_a_log_that_is_larger_than_is_looked_at_is_asked_where_it_is_in_doubt(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(budget, "LOOKED_AT", 10)
    doubts = np.full(100, 0.1)
    doubts[70:75] = 0.9
    taken = settling(doubts, np.eye(100, dtype=np.float32), 15, chosen=list(range(30)))
    assert len(taken) == len(set(taken)) == 10
    assert set(taken) >= set(range(70, 75))
    assert min(taken) >= 30


@pytest.mark.parametrize("count", [0, 1, 5, 50])
def test_every_place_is_drawn_once_and_what_is_left_over_is_drawn_at_random(count: int):
    scores = np.zeros(count)
    scores[:2] = 0.5
    found = drawn(
        scores, np.eye(max(count, 1), dtype=np.float32)[:count], random=4, uncertain=16, seed=1
    )
    places = [place for place, _ in found]
    assert len(set(places)) == len(places) == min(count, 20)
    assert {share for _, share in found} <= {"random", "uncertain"}


def test_the_random_part_does_not_depend_on_the_miners():
    vectors = np.eye(30, dtype=np.float32)
    first = drawn(np.zeros(30), vectors, random=5, uncertain=0, seed=3)
    again = drawn(np.arange(30.0), vectors, random=5, uncertain=0, seed=3)
    other = drawn(np.zeros(30), vectors, random=5, uncertain=0, seed=4)
    assert first == again != other
