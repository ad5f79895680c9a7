"""Precision, recall, F1 and their averages."""

from __future__ import annotations

from bot.testing.scores import report, with_confusions

PAIRS = [("a", "a"), ("a", "b"), ("a", "b"), ("b", "b"), ("c", "none")]


def test_every_label_has_its_precision_recall_and_f1():
    found = report(PAIRS)
    assert found["a"] == {"precision": 1.0, "recall": 1 / 3, "f1-score": 0.5, "support": 3}
    assert found["b"] == {"precision": 1 / 3, "recall": 1.0, "f1-score": 0.5, "support": 1}


def test_averages_are_plain_by_support_and_over_all():
    found = report(PAIRS, leave_out=["none"])
    assert found["accuracy"] == 2 / 5
    assert found["macro avg"]["f1-score"] == (0.5 + 0.5 + 0) / 3
    assert found["weighted avg"]["f1-score"] == (3 * 0.5 + 0.5 + 0) / 5
    assert found["micro avg"] == {
        "precision": 2 / 4,
        "recall": 2 / 5,
        "f1-score": 4 / 9,
        "support": 5,
    }


def test_a_name_left_out_is_no_label():
    assert "none" not in report(PAIRS, leave_out=["none"])


def test_labels_tell_what_they_are_taken_for():
    found = with_confusions(report(PAIRS), PAIRS)
    assert found["a"]["confused_with"] == {"b": 2}
    assert found["b"]["confused_with"] == {}
    assert "confused_with" not in found["macro avg"]


def test_nothing_to_score_is_zero_and_no_error():
    assert report([])["weighted avg"]["f1-score"] == 0.0
