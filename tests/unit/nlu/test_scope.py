"""What is in scope, and how surely."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.decode import ranking, softmax
from tests.unit.nlu.scopes import a_scope

KNOWN = (np.array([4.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))
NUMBERS = st.floats(width=32) | st.sampled_from([0.0, -0.0, 1e-38, 3e38, math.nan, math.inf])
THREE = st.lists(NUMBERS, min_size=3, max_size=3).map(lambda row: np.array(row, np.float32))


def test_a_sentence_like_those_of_an_intent_is_in_scope():
    assert a_scope().probability(*KNOWN) > 0.95


@pytest.mark.parametrize(
    ("logits", "sentence"),
    [
        ([0.0, 0.0, 0.0], [1.0, 0.0, 0.0]),  # as near, but no intent claims it
        ([4.0, 0.0, 0.0], [0.0, 0.0, 1.0]),  # claimed, but unlike any sentence
    ],
)
def test_whatever_speaks_against_it_makes_it_less_likely(logits, sentence):
    scope = a_scope()
    assert scope.probability(np.array(logits), np.array(sentence)) < scope.probability(*KNOWN)


def test_the_logit_of_an_intent_that_is_out_of_scope_does_not_count():
    high = np.array([0.0, 0.0, 9.0])
    low = np.array([0.0, 0.0, -9.0])
    sentence = np.array([0.0, 0.0, 1.0])
    scope = a_scope()
    assert scope.probability(high, sentence) == scope.probability(low, sentence)


def test_many_texts_at_once_get_what_each_gets_alone():
    rng = np.random.default_rng(0)
    logits, sentences = rng.normal(size=(7, 3)), rng.normal(size=(7, 3))
    scope = a_scope()
    alone = [scope.probability(*pair) for pair in zip(logits, sentences, strict=True)]
    assert scope.probabilities(logits, sentences) == pytest.approx(alone, abs=1e-6)


@given(logits=THREE, sentence=THREE)
def test_any_numbers_at_all_get_a_probability(logits, sentence):
    scope = a_scope()
    assert np.isfinite(scope.signs(logits[None], sentence[None])).all()
    assert 0 < scope.probability(logits, sentence) < 1


@given(
    logits=st.lists(st.floats(-50, 50), min_size=4, max_size=4),
    inside=st.floats(0, 1),
    outside=st.sampled_from(["", "out_of_scope", "elsewhere"]),
)
def test_confidences_are_probabilities_that_make_at_most_one(logits, inside, outside):
    names = ("bye", "faq/a", "faq/b", "out_of_scope")
    ranked = ranking(
        softmax(np.array(logits)).tolist(), names, most=0, inside=inside, outside=outside
    )
    confidences = [intent.confidence for intent in ranked]
    assert all(0 <= each <= 1 for each in confidences)
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1 if outside else inside)


def test_what_is_out_of_scope_goes_to_the_intent_a_project_has_for_it():
    ranked = ranking(
        [0.5, 0.3, 0.2], ("a", "b", "out_of_scope/x"), inside=0.1, outside="out_of_scope"
    )
    assert [(i.name, pytest.approx(i.confidence)) for i in ranked] == [
        ("out_of_scope", 0.92),
        ("a", 0.05),
        ("b", 0.03),
    ]  # fmt: skip
