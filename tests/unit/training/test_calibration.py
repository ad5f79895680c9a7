"""Whether confidences mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from nlu.decode import softmax
from training.calibration import calibration, fit_temperature, temperature_of, thresholds, told


def test_confidences_that_hold_have_no_error():
    found = calibration([0.5] * 4, [True, False, True, False])
    assert found.ece == 0.0
    (only,) = found.bins
    assert (only.count, only.confidence, only.accuracy) == (4, 0.5, 0.5)


def test_the_error_is_the_mean_gap_weighed_by_how_many_answers_a_bin_has():
    found = calibration([0.95, 0.95, 0.95, 0.35], [True, True, False, True])
    gaps = 3 / 4 * abs(0.95 - 2 / 3) + 1 / 4 * abs(0.35 - 1)
    assert found.ece == pytest.approx(gaps, abs=1e-4)


def test_certainty_and_none_fall_into_the_outermost_bins():
    found = calibration([0.0, 1.0], [False, True], bins=15)
    assert [(each.low, each.high) for each in found.bins] == [
        (0.0, pytest.approx(1 / 15, abs=1e-4)),
        (pytest.approx(14 / 15, abs=1e-4), 1.0),
    ]


def test_no_answers_have_no_error():
    assert calibration([], []).ece == 0.0


def answers_made_at(true: float, *, count: int = 4000):
    """Logits, and the columns that were right as often as the logits divided by ``true`` say."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(count, 3)) * 2
    return logits, [int(rng.choice(3, p=p)) for p in softmax(logits / true)]


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_answers_is_found(true: float):
    found = fit_temperature(*answers_made_at(true), smoothing=0.1)
    assert found == pytest.approx(true, rel=0.1)


def test_without_sentences_the_temperature_is_what_the_training_makes_usual():
    none = np.zeros((0, 3))
    assert fit_temperature(none, [], smoothing=0.0) == temperature_of(0.0) == 1.0
    assert fit_temperature(none, [], smoothing=0.1) == temperature_of(0.1) < 1.0


def test_few_sentences_move_the_temperature_a_little():
    wrong = np.tile([9.0, 0.0, 0.0], (3, 1)), [1, 1, 1]  # as wrong as can be
    few = fit_temperature(*wrong, smoothing=0.1)
    many = fit_temperature(np.tile(wrong[0], (100, 1)), wrong[1] * 100, smoothing=0.1)
    assert temperature_of(0.1) < few < many


def test_thresholds_keep_the_right_answers_they_promise():
    rng = np.random.default_rng(0)
    sure, lead, outside = rng.beta(8, 2, 500), rng.beta(5, 2, 500), rng.beta(2, 8, 300)
    found = thresholds(sure, lead, outside)
    assert found is not None
    assert (sure >= found.threshold).mean() >= found.keeps
    assert (lead >= found.ambiguity_threshold).mean() >= found.keeps
    assert found.turns_away == pytest.approx((outside < found.threshold).mean(), abs=0.01)
    assert f"threshold {found.threshold} keeps 98%" in told(found)


def test_few_answers_suggest_no_thresholds():
    few = np.full(19, 0.9)
    assert thresholds(few, few, np.full(100, 0.1)) is None
    assert thresholds(np.full(100, 0.9), np.full(100, 0.9), few) is None
