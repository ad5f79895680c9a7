"""The figures of benchmarks on what is out of scope, and on messages of several intents."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bot.project.project import Example
from nlu.several import Several
from training.evaluate import Answer

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import combined
import outside


def heard(sure, strangers, right=None) -> outside.Heard:
    sure = np.array(sure, float)
    flags = np.ones(len(sure), bool) if right is None else np.array(right, bool)
    return outside.Heard(sure, flags, np.array(strangers, float))


def test_the_area_under_the_curve_is_the_chance_to_be_surer_ties_half():
    rng = np.random.default_rng(0)
    sure, strangers = rng.integers(0, 20, 200) / 20, rng.integers(0, 12, 90) / 20
    apart = sure[:, None] - strangers[None]
    expected = ((apart > 0).sum() + (apart == 0).sum() / 2) / apart.size
    assert outside.auroc(heard(sure, strangers)) == pytest.approx(expected)


def test_the_threshold_leaves_just_as_many_right_answers_as_it_must():
    sure = np.linspace(0.01, 1, 100)
    least = outside.highest_threshold(heard(sure, [0.0]))
    assert (sure >= least).sum() == 95
    wrong_below = sure > 0.05  # the five least sure are wrong anyway
    assert outside.highest_threshold(heard(sure, [0.0], wrong_below)) == pytest.approx(0.06)


def test_where_too_few_are_right_nothing_may_be_rejected():
    found = outside.figures(heard([0.9] * 10, [0.1], [True] * 9 + [False]))
    assert found["OOS recall, in-scope 95"] == 0.0


def test_figures_at_a_chosen_threshold_are_read_at_that_of_the_validation():
    valid = heard([0.5] * 20, [0.1])
    test = heard([0.6] * 9 + [0.4], [0.3, 0.45, 0.5, 0.7])
    found = outside.figures(test, valid)
    assert found["OOS recall, threshold chosen"] == 50.0
    assert found["in-scope, threshold chosen"] == 90.0


def example(intent: str) -> Example:
    return Example(text="x", intent=intent)


def answer(intent: str, *logits: float) -> Answer:
    return Answer(intent, 0, logits, ())


def test_intents_are_counted_one_by_one():
    several = Several(("a", "b", "c"), (), "+")
    examples = [example("a+b"), example(""), example("c")]
    answers = [
        answer("", 2.0, -1.0, 1.0),
        answer("", -1.0, -1.0, -1.0),
        answer("", -9.0, -9.0, 1.0),
    ]
    found = combined.figures(examples, answers, split="+", several=several, temperature=1.0)
    assert found["intent F1"] == pytest.approx(100 * 2 * 2 / (3 + 3))
    assert found["all intents right"] == pytest.approx(200 / 3)


def test_labels_of_a_class_each_are_taken_apart():
    examples, answers = [example("b+a"), example("c")], [answer("a+b"), answer("a+c")]
    found = combined.figures(examples, answers, split="+", several=None, temperature=1.0)
    assert found["intent F1"] == pytest.approx(100 * 2 * 3 / (4 + 3))
    assert found["all intents right"] == 50.0
