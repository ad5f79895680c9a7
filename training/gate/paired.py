"""Statistics of two models that answered the same sentences.

Only sentences on which one model is right and the other wrong tell the two apart: ``gained`` is
how many the candidate alone has right, ``lost`` how many the current model alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.integer[Any]]

CELLS = 4_000_000  # of a matrix of bootstrap weights, which bounds the memory
STEPS = 60  # of a bisection: enough for all the digits of a float


def tail(hits: int, total: int, share: float = 0.5) -> float:
    """The probability of at least ``hits`` among ``total`` if each comes with ``share``."""
    if hits <= 0:
        return 1.0
    if share <= 0 or hits > total:
        return 0.0
    if share >= 1:
        return 1.0
    factorials, k = _log_factorials(total), np.arange(hits, total + 1)
    ways = factorials[total] - factorials[k] - factorials[total - k]
    logs = ways + k * math.log(share) + (total - k) * math.log1p(-share)
    return min(1.0, float(np.exp(logs).sum()))


def worse(gained: int, lost: int) -> float:
    """p of the candidate being no worse, given what was seen: McNemar's test, exact, one-sided."""
    return tail(lost, gained + lost)


def not_worse(gained: int, lost: int, total: int, margin: float) -> float:
    """p of the candidate being worse by ``margin`` (a share) or more, given what was seen.

    The score test of Nam, 1997, Establishing equivalence of two treatments in paired binary data:
    the variance is taken where the candidate is worse by just the margin.
    """
    if not total or margin <= 0:
        return 1.0
    b = lost + gained + margin * (lost - gained) - 2 * margin * total
    root = math.sqrt(b * b + 8 * total * gained * margin * (1 - margin))
    share = max((b + root) / (4 * total), 0.0)  # gained, likeliest under that assumption
    spread = math.sqrt(max(2 * share + margin - margin * margin, 1e-12) / total)
    return normal_tail(((gained - lost) / total + margin) / spread)


def normal_tail(z: float) -> float:
    """The probability of a standard normal above ``z``."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def most(hits: int, total: int, error: float) -> float:
    """The upper bound of a share seen ``hits`` times in ``total`` (Clopper and Pearson)."""
    if hits >= total:
        return 1.0
    return _bisect(lambda share: tail(hits + 1, total, share) < 1 - error)


def least(hits: int, total: int, error: float) -> float:
    """The lower bound of a share seen ``hits`` times in ``total`` (Clopper and Pearson)."""
    return 0.0 if hits <= 0 else _bisect(lambda share: tail(hits, total, share) < error)


def significant(chances: Mapping[str, float], rate: float) -> list[str]:
    """Names whose p is small, so that of those named a share of ``rate`` at most is so by chance.

    Benjamini and Hochberg, 1995, Controlling the false discovery rate.
    """
    ordered = sorted(chances.items(), key=lambda each: each[1])
    count = len(ordered)
    passing = [at for at, (_, chance) in enumerate(ordered, 1) if chance <= rate * at / count]
    return [name for name, _ in ordered[: max(passing, default=0)]]


def groups(conversations: Sequence[str]) -> Ints:
    """The number of each sentence's conversation; one without is a conversation of its own."""
    numbers: dict[str, int] = {}
    found = np.empty(len(conversations), dtype=np.int64)
    for at, name in enumerate(conversations):
        found[at] = numbers.setdefault(name or f"\0{at}", len(numbers))
    return found


def summed(values: Floats | Ints, group: Ints) -> Floats:
    """``values``, (sentences, columns), added up within each conversation: (groups, columns)."""
    sums = np.zeros((int(group.max()) + 1 if len(group) else 0, values.shape[1]))
    np.add.at(sums, group, values)
    return sums


def resampled(sums: Floats, draws: int, seed: int = 0) -> Floats:
    """Totals of ``sums``, (groups, columns), over as many groups drawn again: (draws, columns).

    Groups that are alike are drawn together, which is the same and takes no time: most
    conversations tell two models apart in one of a few ways.
    """
    if not len(sums):
        return np.zeros((draws, sums.shape[1]))
    alike, counts = np.unique(sums, axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    shares = counts / counts.sum()
    at_once = max(1, CELLS // len(alike))
    parts = [
        rng.multinomial(len(sums), shares, size=min(at_once, draws - begin)) @ alike
        for begin in range(0, draws, at_once)
    ]
    return np.concatenate(parts)


@lru_cache(maxsize=16)
def _log_factorials(most: int) -> Floats:
    """Of 0 to ``most``."""
    found: Floats = np.concatenate([[0.0], np.log(np.arange(1, most + 1)).cumsum()])
    return found


def _bisect(low_side: Callable[[float], bool]) -> float:
    """Where ``low_side`` of a share turns from true to false."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if low_side(middle) else (low, middle)
    return (low + high) / 2
