"""The budget is kept, spread, and partly random."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from training.mining.budget import Split, drawn, spread


@given(some.integers(0, 500), some.floats(0, 1), some.floats(0, 1))
def test_the_parts_of_a_budget_are_the_budget(budget: int, random: float, share: float):
    suspects = (1 - random) * share
    counts = Split(random, 1 - random - suspects, suspects).counts(budget)
    assert sum(counts) == budget
    assert min(counts) >= 0


def test_two_that_are_the_same_are_not_both_looked_at():
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert spread(np.array([0.9, 0.8, 0.1]), vectors, 2) == [0, 2]
    assert spread(np.array([0.9, 0.8, 0.1]), vectors, 9) == [0, 2]
    assert spread(np.array([0.9, 0.8, 0.1]), vectors, 2, chosen=[0]) == [2]


def test_what_nobody_found_worth_a_look_is_not_taken_for_it():
    assert spread(np.zeros(3), np.eye(3, dtype=np.float32), 2) == []


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
