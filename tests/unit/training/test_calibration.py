"""Whether confidences mean what they say."""

from __future__ import annotations

import pytest

from training.calibration import calibration


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
