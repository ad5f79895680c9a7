"""Whether a model is right as often as it says it is."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

BINS = 15


class Bin(msgspec.Struct, frozen=True):
    """Answers whose confidence is above ``low`` and at most ``high``."""

    low: float
    high: float
    count: int
    confidence: float  # mean
    accuracy: float


class Calibration(msgspec.Struct, frozen=True):
    """``ece``: the mean distance between confidence and accuracy of the bins, by their counts.

    Guo and others, 2017, On calibration of modern neural networks, equation 3. Bins are of equal
    width; those without an answer are left out.
    """

    ece: float
    bins: tuple[Bin, ...]


def calibration(
    confidences: Sequence[float], right: Sequence[bool], *, bins: int = BINS
) -> Calibration:
    """Compare how sure each answer was with whether it was right."""
    sure, correct = np.asarray(confidences, float), np.asarray(right, bool)
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    found = []
    for at in range(bins):
        inside = place == at
        if not inside.any():
            continue
        found.append(
            Bin(
                low=round(at / bins, 4),
                high=round((at + 1) / bins, 4),
                count=int(inside.sum()),
                confidence=round(float(sure[inside].mean()), 4),
                accuracy=round(float(correct[inside].mean()), 4),
            )
        )
    gaps = sum(each.count * abs(each.confidence - each.accuracy) for each in found)
    return Calibration(round(gaps / len(sure), 4) if len(sure) else 0.0, tuple(found))
