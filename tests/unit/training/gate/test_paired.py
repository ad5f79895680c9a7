from __future__ import annotations

import numpy as np
import pytest

from training.gate.paired import (
    groups,
    least,
    most,
    not_worse,
    resampled,
    significant,
    summed,
    tail,
    worse,
)


def test_five_lost_and_none_gained_are_as_likely_as_five_heads():
    assert worse(0, 5) == pytest.approx(1 / 32)
    assert worse(5, 0) == worse(0, 0) == 1
    assert worse(3, 3) == pytest.approx(0.65625)


def test_the_tail_of_a_binomial_adds_up():
    assert tail(1, 10, 0.1) == pytest.approx(1 - 0.9**10)
    assert tail(0, 10, 0.3) == 1
    assert tail(11, 10, 0.3) == 0
    assert tail(2, 2, 0.25) == pytest.approx(0.0625)


def test_bounds_of_a_share_are_those_of_clopper_and_pearson():
    assert most(0, 100, 0.05) == pytest.approx(1 - 0.05 ** (1 / 100))  # the rule of three
    assert least(100, 100, 0.05) == pytest.approx(0.05 ** (1 / 100))
    assert (least(0, 10, 0.05), most(10, 10, 0.05)) == (0, 1)
    assert most(5, 100, 0.05) == pytest.approx(0.1022, abs=1e-4)


def test_a_candidate_that_differs_nowhere_is_shown_to_be_no_worse_by_many_sentences_only():
    assert not_worse(0, 0, 1000, 0.01) < 0.001
    assert not_worse(0, 0, 20, 0.01) > 0.3
    assert not_worse(0, 0, 0, 0.01) == not_worse(9, 0, 10, 0) == 1


def test_the_test_of_no_worse_is_right_as_often_as_it_says():
    rng = np.random.default_rng(1)
    shares = [0.025, 0.035, 0.94]  # gained, lost, alike: worse by just the margin
    drawn = rng.multinomial(1000, shares, size=4000)
    passed = [not_worse(int(gained), int(lost), 1000, 0.01) <= 0.05 for gained, lost, _ in drawn]
    assert 0.035 < np.mean(passed) < 0.065


def test_of_many_intents_only_those_stand_out_that_chance_does_not_explain():
    chances = {"a": 0.001, "b": 0.013, "c": 0.5, "d": 0.9}
    assert significant(chances, 0.05) == ["a", "b"]
    assert significant(chances, 0.01) == ["a"]
    assert significant({"c": 0.04, "d": 0.9}, 0.05) == []
    assert significant({}, 0.05) == []


def test_sentences_of_a_conversation_are_drawn_together():
    group = groups(["a", "a", "", "b", ""])
    assert group.tolist() == [0, 0, 1, 2, 3]
    values = np.ones((5, 1))
    sums = summed(values, group)
    assert sums[:, 0].tolist() == [2, 1, 1, 1]
    drawn = resampled(np.repeat([[8.0], [0.0]], 25, axis=0), 500)
    apart = resampled(np.repeat([[1.0], [0.0]], 200, axis=0), 500)
    assert drawn.mean() == pytest.approx(200, rel=0.05)
    assert drawn.std() > 2 * apart.std()  # as the same sentences in fewer conversations
