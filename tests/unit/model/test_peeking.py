import numpy as np
import pytest

from bot.model.peeking import FEWEST, Share, evidence, is_worse

STEP, MOST = 25, 2000


def alarms(new: float, old: float, *, trials: int) -> float:
    """How often an alarm comes while both arms grow, looked at after every few conversations."""
    rng = np.random.default_rng(1)
    bad = rng.random((trials, 2, MOST)) < np.array([new, old])[None, :, None]
    counts = bad.cumsum(axis=2)[:, :, STEP - 1 :: STEP]
    rung = [
        any(
            is_worse(Share(int(ours), (at + 1) * STEP), Share(int(theirs), (at + 1) * STEP))
            for at, (ours, theirs) in enumerate(trial.T)
        )
        for trial in counts
    ]
    return sum(rung) / trials


def test_two_that_are_alike_are_told_apart_once_in_twenty_at_most():
    assert alarms(0.2, 0.2, trials=300) <= 0.05


def test_one_that_is_much_worse_is_found():
    assert alarms(0.3, 0.2, trials=100) >= 0.9


def test_one_that_is_better_never_rings():
    assert alarms(0.1, 0.2, trials=50) == 0


def test_a_few_conversations_say_nothing():
    assert not is_worse(Share(FEWEST - 1, FEWEST - 1), Share(0, 1000))
    assert is_worse(Share(FEWEST, FEWEST), Share(0, 1000))


def test_nothing_is_no_evidence():
    assert evidence(Share(5, 50), Share(5, 50)) < 1


@pytest.mark.parametrize("many", [10**6, 10**9])
def test_large_numbers_do_not_overflow(many):
    assert evidence(Share(many, many), Share(0, many)) > 1e200
