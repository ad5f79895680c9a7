"""Clusters, their names, and intents that may be missing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.review.turn import Turn
from training.mining.clusters import found_in, suggestions
from training.mining.linkage import cut, merges, refined
from training.mining.naming import names
from training.mining.scores import b_cubed, nmi
from training.mining.seen import Seen
from training.mining.space import learnt


def blobs(centres: int, each: int, *, seed: int = 0, spread: float = 0.08):
    rng = np.random.default_rng(seed)
    middle = rng.normal(size=(centres, 32))
    middle /= np.linalg.norm(middle, axis=1, keepdims=True)
    labels = np.repeat(np.arange(centres), each)
    vectors = middle[labels] + spread * rng.normal(size=(len(labels), 32))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels


def naive(vectors: np.ndarray, threshold: float) -> list[int]:
    """Average linkage as it is defined, joining the nearest two each time."""
    clusters = [[i] for i in range(len(vectors))]
    while len(clusters) > 1:
        pairs = {
            (i, j): float(
                np.mean([vectors[a] @ vectors[b] for a in clusters[i] for b in clusters[j]])
            )
            for i, j in itertools.combinations(range(len(clusters)), 2)
        }
        (i, j), alike = max(pairs.items(), key=lambda pair: pair[1])
        if alike < threshold:
            break
        clusters[i] += clusters.pop(j)
    found = [0] * len(vectors)
    for number, members in enumerate(clusters):
        for one in members:
            found[one] = number
    return found


@given(some.integers(0, 1000), some.floats(-0.5, 0.9))
def test_chains_of_neighbours_give_what_joining_the_nearest_gives(seed: int, threshold: float):
    vectors = np.random.default_rng(seed).normal(size=(9, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = cut(merges(vectors), len(vectors), threshold)
    assert b_cubed(np.array(naive(vectors, threshold)), found) == pytest.approx(1.0)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_anything_to_join(count: int):
    assert len(cut(merges(np.eye(count, 3)), count, 0.5)) == count


def test_agreement_is_whole_with_itself_and_less_with_anything_else():
    right = np.array([0, 0, 1, 1, 2])
    assert b_cubed(right, right + 5) == pytest.approx(1.0)
    assert nmi(right, right + 5) == pytest.approx(1.0)
    assert nmi(right, np.zeros(5, int)) == pytest.approx(0.0)
    # By hand: every cluster is pure; of each item's kind, 2 times 1/2, 2 times 1, once 1 is there.
    assert b_cubed(right, np.array([0, 1, 2, 2, 3])) == pytest.approx(2 * 0.8 / 1.8)


def test_the_space_of_known_intents_parts_unknown_ones():
    vectors, labels = blobs(24, 20)
    space = learnt(vectors[:400], [f"i{n}" for n in labels[:400]])
    new = space.of(vectors[400:])
    assert b_cubed(labels[400:], space.clusters(new, fewest=4)) > 0.9


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "b", "b"]], ids=str)
def test_with_hardly_any_known_intent_the_space_is_the_encoders(labels: list[str]):
    space = learnt(np.eye(len(labels), 4), labels)
    assert space.whiten is None
    assert space.of(np.eye(2, 4)).shape == (2, 4)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_anything_to_put_together(count: int):
    space = learnt(np.eye(1, 4), ["a"])
    assert len(space.clusters(space.of(np.eye(count, 4)), fewest=4)) == count


def test_strays_join_the_cluster_that_is_nearest_and_small_ones_are_given_up():
    vectors, labels = blobs(3, 10)
    assert b_cubed(labels, refined(vectors, np.r_[labels[:-1], 3], fewest=4)) == pytest.approx(1)
    alone = np.arange(len(labels))
    assert (refined(vectors, alone, fewest=4) == alone).all()


def test_a_cluster_is_named_by_the_words_it_has_and_others_lack():
    found = names(
        [
            ["cancel my order", "please cancel the order", "I want to cancel order 7"],
            ["track my order", "where can I track it", "track order <order_1a2b3c4d>"],
            ["hello", "hello there"],
        ],
        taken=["cancel_order"],
    )
    assert found == ["cancel_order_2", "track", "new_intent"]


def test_what_is_outside_is_put_together_and_nothing_else():
    vectors, labels = blobs(22, 10)
    turns = [Turn(f"c{i}", 1, f"word{label} again {i}") for i, label in enumerate(labels.tolist())]
    outside = labels >= 20
    seen = Seen(
        turns,
        [f"i{n}" for n in labels],
        [f"i{n}" for n in labels],
        [""] * len(turns),
        np.where(outside, 0.2, 0.9),
        np.ones(len(turns)),
        np.where(outside, 0.1, 0.9),
        vectors.astype(np.float32),
        [()] * len(turns),
        "v1",
    )
    space = learnt(vectors[~outside], [f"i{n}" for n in labels[~outside]])
    found = suggestions(seen, space)
    assert len(found) == 2
    assert {frozenset(labels[list(one.members)]) for one in found} == {
        frozenset({20}),
        frozenset({21}),
    }
    proposed = list(found_in(seen, found))
    assert {one.reason.suggested for one, _ in proposed} == {found[0].name, found[1].name}
    assert len({group for _, group in proposed}) == 2
