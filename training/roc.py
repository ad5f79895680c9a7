"""The receiver operating characteristic: what is let through for what is missed.

Of confidences it tells how well they part right answers from wrong ones, whatever the threshold; of
an intent's probability, how well it parts its sentences from all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

POINTS = 101  # of a curve in a report


class Roc(msgspec.Struct, frozen=True):
    """``auc``: how likely a right answer is surer than a wrong one; None where all are right, or
    none. ``curve``: wrong answers let through and right ones kept, as shares, at falling
    thresholds. ``by_intent``: each intent against the rest, ``macro`` their mean."""

    auc: float | None
    curve: tuple[tuple[float, float], ...]
    macro: float | None
    by_intent: dict[str, float]


def roc(
    sure: Sequence[float],
    right: Sequence[bool],
    shares: Floats,
    columns: Sequence[str],
    intents: Sequence[str],
) -> Roc:
    """Of answers to sentences.

    Args:
        shares: The probability of each intent, (sentences, columns).
        columns: Their names.
        intents: What is right.
    """
    confidences, correct = np.asarray(sure, float), np.asarray(right, bool)
    wanted = np.asarray(intents)
    found = {
        name: area
        for at, name in enumerate(columns)
        if (area := auc(shares[:, at], wanted == name)) is not None
    }
    return Roc(
        auc=_rounded(auc(confidences, correct)),
        curve=curve(confidences, correct),
        macro=_rounded(sum(found.values()) / len(found)) if found else None,
        by_intent={name: round(area, 4) for name, area in found.items()},
    )


def auc(scores: Floats, positive: Bools) -> float | None:
    """The area under the curve: how likely a positive's score is above a negative's, ties by half
    (Mann and Whitney). None where there is no pair."""
    ours, theirs = np.sort(scores[positive]), np.sort(scores[~positive])
    if not len(ours) or not len(theirs):
        return None
    below = np.searchsorted(theirs, ours, "left") + np.searchsorted(theirs, ours, "right")
    return float(below.sum() / 2 / len(ours) / len(theirs))


def curve(scores: Floats, positive: Bools) -> tuple[tuple[float, float], ...]:
    """At most ``POINTS`` of the curve, from (0, 0) to (1, 1)."""
    if not positive.any() or positive.all():
        return ()
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # ties go together
    kept = np.concatenate([[0.0], hits.cumsum()[ends] / hits.sum()])
    let = np.concatenate([[0.0], (~hits).cumsum()[ends] / (~hits).sum()])
    some = np.unique(np.linspace(0, len(kept) - 1, POINTS).round().astype(int))
    return tuple((round(float(let[at]), 4), round(float(kept[at]), 4)) for at in some)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
