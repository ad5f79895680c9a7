from __future__ import annotations

import numpy as np
import pytest

from training.roc import POINTS, auc, curve, roc


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    scores, right = np.array([0.9, 0.8, 0.3, 0.3]), np.array([True, False, True, False])
    assert auc(scores, right) == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert auc(scores, scores > 0.5) == 1
    assert auc(-scores, scores > 0.5) == 0
    assert auc(scores, scores > 2) is None


def test_the_area_is_what_lies_under_the_curve():
    rng = np.random.default_rng(0)
    scores = rng.random(80).round(2)  # with ties
    right = rng.random(80) < scores
    points = np.array(curve(scores, right))
    assert points[0].tolist() == [0, 0]
    assert points[-1].tolist() == [1, 1]
    assert np.trapezoid(points[:, 1], points[:, 0]) == pytest.approx(auc(scores, right), abs=2e-3)
    assert (np.diff(points, axis=0) >= 0).all()


def test_a_long_curve_is_thinned():
    scores = np.linspace(0, 1, 5000)
    assert len(curve(scores, np.arange(5000) % 3 > 0)) == POINTS


def test_intents_are_told_from_the_rest_where_there_are_any():
    shares = np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.7, 0.3, 0]])
    found = roc([0.9, 0.6, 0.7], [True, True, False], shares, ("a", "b", "c"), ["a", "a", "b"])
    assert found.by_intent == {"a": 0.5, "b": 0.5}
    assert found.macro == 0.5
    assert found.auc == 0.5
    none = roc([0.9], [True], shares[:1], ("a", "b", "c"), ["a"])
    assert (none.auc, none.curve, none.macro) == (None, (), None)
