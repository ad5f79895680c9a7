"""Learning what is out of scope from what is in scope."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nlu.scope_file import read_scope, write_scope
from training.scope import (
    MOST_VECTORS,
    Readings,
    fit_scope,
    outside_intent,
    place,
    regress,
    whiten,
)

NAMES = tuple(f"intent{number}" for number in range(10))
WIDTH = 24


def readings(
    intents: int = 10, each: int = 20, *, seed: int = 0, apart: float = 1.0, names: int = 10
) -> Readings:
    """Sentences around the axis of their intent; the logits are the cosines with the axes."""
    rng = np.random.default_rng(seed)
    columns = np.repeat(np.arange(intents), each)
    vectors = apart * np.eye(WIDTH)[columns] + rng.normal(0, 0.08, (len(columns), WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Readings(
        (10 * vectors[:, :names]).astype(np.float32), vectors.astype(np.float32), columns
    )


def strangers(count: int = 100) -> Readings:
    """Sentences around axes that no intent has."""
    rng = np.random.default_rng(9)
    vectors = np.eye(WIDTH)[rng.integers(10, WIDTH, count)] + rng.normal(0, 0.08, (count, WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Readings(
        (10 * vectors[:, :10]).astype(np.float32), vectors.astype(np.float32), np.zeros(count, int)
    )


def fitted(learnt: Readings, kept_back: Readings, names=NAMES, share: float = 0.15):
    found = fit_scope(learnt, kept_back, names, share=share, temperature=1.0, seed=0)
    assert found is not None
    return found


@pytest.mark.parametrize("each", [0, 1, 20])
def test_what_no_intent_is_like_is_told_apart_without_ever_being_shown(each: int):
    scope = fitted(readings(), readings(each=each, seed=1)).scope
    known, unknown = readings(seed=2), strangers()
    assert scope.probabilities(known.logits, known.vectors).mean() > 0.9
    assert scope.probabilities(unknown.logits, unknown.vectors).mean() < 0.3


def test_the_more_is_expected_to_be_out_of_scope_the_less_is_believed():
    for kept_back in (readings(each=0), readings(each=5, seed=1)):
        few, many = (fitted(readings(), kept_back, share=share).scope for share in (0.05, 0.5))
        some = readings(seed=2)
        assert (
            few.probabilities(some.logits, some.vectors)
            > many.probabilities(some.logits, some.vectors)
        ).all()


def test_an_intent_for_what_is_out_of_scope_is_not_a_place_to_be_near_to():
    names = (*NAMES[:-1], "out_of_scope")
    found = fitted(readings(), readings(each=5, seed=1), names).scope
    assert found.known.tolist() == [True] * 9 + [False]
    assert len(found.centres) == 9
    own = readings(seed=2)
    probabilities = found.probabilities(own.logits, own.vectors)
    assert (
        probabilities[own.columns == 9].mean() < 0.3 < 0.9 < probabilities[own.columns < 9].mean()
    )


@pytest.mark.parametrize(
    ("intents", "found"),
    [
        (("a", "b"), ""),
        (("a", "out_of_scope"), "out_of_scope"),
        (("a", "nlu_fallback", "out_of_scope"), "out_of_scope"),
        (("a", "out_of_scope/weather"), "out_of_scope"),
        (("a", "nlu_fallback"), "nlu_fallback"),
        (("a/out_of_scope", "not_out_of_scope"), ""),
    ],
)
def test_the_intent_for_what_is_out_of_scope_has_one_of_rasas_names(intents, found):
    assert outside_intent(intents) == found


def test_one_intent_in_scope_is_too_few_to_tell():
    one = readings(intents=2)
    names = ("a", "out_of_scope", *NAMES[2:])
    only = replace(one, logits=one.logits[:, :2])
    assert fit_scope(only, only, names[:2], share=0.1, temperature=1.0, seed=0) is None


@pytest.mark.parametrize("intents", [2, 3])
def test_two_intents_are_enough_to_leave_one_out(intents: int):
    names = NAMES[:intents]
    learnt, kept_back = (readings(intents, names=intents, seed=seed) for seed in (0, 1))
    found = fitted(learnt, kept_back, names)
    assert len(found.outside) == 20 * intents
    assert found.scope.probabilities(learnt.logits, learnt.vectors).mean() > 0.9


@pytest.mark.parametrize("each", [1, 2])
def test_one_sentence_of_an_intent_is_enough_to_go_on(each: int, tmp_path):
    scope = fitted(readings(each=each), readings(each=0)).scope
    write_scope(tmp_path / "scope.npz", scope)
    scope = read_scope(tmp_path / "scope.npz", intents=10, hidden=WIDTH)
    some = readings(seed=3)
    assert np.isfinite(scope.signs(some.logits, some.vectors)).all()


def test_of_many_sentences_those_that_stand_for_all_are_kept():
    many = readings(each=400)
    many = many.of(np.arange(len(many.columns)) < 3700)  # the last intent has a quarter
    scope = place(many, np.ones(10, bool), np.random.default_rng(0))
    assert MOST_VECTORS - 10 <= len(scope.vectors) <= MOST_VECTORS
    nearest = (many.vectors @ scope.vectors.T).max(axis=1)
    assert nearest.min() > 0.8


def test_the_spread_around_the_centres_becomes_alike_in_all_directions():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5000, 6)) * [1, 2, 3, 4, 5, 6]
    white = rows @ whiten(rows)
    assert np.cov(white.T) == pytest.approx(np.eye(6), abs=0.1)


@pytest.mark.parametrize("rows", [np.zeros((3, 4)), np.ones((1, 4)), np.eye(4)[:2]])
def test_a_spread_of_nearly_nothing_is_whitened_all_the_same(rows):
    found = whiten(rows)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 65_504  # the most that float16 holds


def test_few_sentences_leave_the_regression_where_it_starts_and_many_move_it():
    start = np.array([1.0, 0.5, 2.0])
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40_000, 2))
    right = (rng.random(40_000) < 1 / (1 + np.exp(-(3 * rows[:, 0] - 1)))).astype(float)
    none = regress(rows[:0], right[:0], np.ones(0), start)
    many = regress(rows, right, np.ones(40_000), start)
    assert none == pytest.approx(start)
    assert many == pytest.approx([3.0, 0.0, -1.0], abs=0.3)


def test_a_sign_that_seems_to_mean_its_contrary_counts_nothing():
    rows = np.array([[1.0], [-1.0]] * 500)
    right = np.array([0.0, 1.0] * 500)
    assert regress(rows, right, np.ones(1000), np.array([1.0, 0.0]))[0] == 0.0


def test_what_was_seen_on_the_way_suggests_thresholds():
    found = fitted(readings(), readings(each=5, seed=1))
    assert len(found.sure) == len(found.lead) == len(found.right) == 50
    assert len(found.outside) == 50
    assert found.right.all()
    suggested = found.thresholds
    assert suggested is not None
    assert suggested.turns_away > 0.7
