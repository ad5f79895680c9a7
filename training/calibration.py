"""Whether a model is right as often as it says it is, and what makes it so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from nlu import decode

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

BINS = 15
SPREAD = 0.2  # of the logarithm of temperatures among projects, around the usual one
FEWEST = 20  # sentences on which a threshold is suggested


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


def temperature_of(smoothing: float) -> float:
    """What fits the logits of a model trained with so much label smoothing, before any sentence
    tells: it was taught to be less sure than it may be."""
    return max(1 - 2.5 * smoothing, 0.5)


def fit_temperature(logits: Floats, columns: Sequence[int] | Ints, *, smoothing: float) -> float:
    """What to divide the logits by so that confidences are as often right as they say.

    Args:
        logits: Of sentences that were not trained on, (sentences, intents); may be none.
        columns: The column of each sentence's intent.
        smoothing: Of the labels in training.

    Least negative log-likelihood over a grid (Guo and others, 2017), the more drawn towards
    ``temperature_of`` the fewer sentences there are.
    """
    usual, right = temperature_of(smoothing), np.asarray(columns, dtype=np.int64)
    rows = np.arange(len(right))

    def surprise(temperature: float) -> float:
        doubt = 0.5 * (np.log(temperature / usual) / SPREAD) ** 2
        if not len(right):
            return float(doubt)
        likely = decode.softmax(logits / temperature)[rows, right]
        return float(doubt - np.log(np.maximum(likely, 1e-12)).sum())

    grid = usual * np.geomspace(0.25, 4.0, 161)
    return round(float(min(grid, key=surprise)), 4)


class Thresholds(msgspec.Struct, frozen=True):
    """Numbers for config.yml's FallbackClassifier that keep ``keeps`` of the right answers each.

    ``turns_away`` is the share of sentences that are none of the bot's which then fall back,
    ``sentences`` how many the numbers were taken of.
    """

    threshold: float
    ambiguity_threshold: float
    keeps: float
    turns_away: float
    sentences: int


def thresholds(
    sure: Floats, lead: Floats, outside: Floats, *, keeps: float = 0.98
) -> Thresholds | None:
    """What the confidences of right answers, their leads over the second, and the confidences of
    sentences out of scope suggest; None where there are too few of them to say."""
    if min(len(sure), len(outside)) < FEWEST:
        return None
    least, apart = (np.floor(np.quantile(x, 1 - keeps) * 100) / 100 for x in (sure, lead))
    return Thresholds(
        threshold=round(float(least), 2),
        ambiguity_threshold=round(float(apart), 2),
        keeps=keeps,
        turns_away=round(float((outside < least).mean()), 2),
        sentences=len(sure),
    )


def told(found: Thresholds) -> str:
    """``found`` as a line for a person."""
    return (
        f"FallbackClassifier: of {found.sentences} right answers to sentences kept back, threshold "
        f"{found.threshold} keeps {found.keeps:.0%} and turns away {found.turns_away:.0%} of what "
        f"is out of scope; ambiguity_threshold {found.ambiguity_threshold} keeps as many"
    )
