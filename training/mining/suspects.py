"""Sentences of the training data whose label may be wrong.

As in confident learning (Northcutt, Jiang and Chuang 2021, arXiv 1911.00068) labels are judged by a
classifier that was not told of the sentence: it is suspect where another label is likelier than
its own, the more so the less likely its own is. Of the rankings in use this one found most of the
wrong labels that were planted (``tests/bench/RESULTS.md``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.project.project import Example
from bot.review.item import Reason
from training.mining.light import Vectors, fitted


@dataclass(frozen=True, slots=True)
class Suspect:
    """An example by its index, and why its label may be wrong; ``suggested`` may be right."""

    index: int
    reason: Reason


def suspects(examples: Sequence[Example], vectors: Vectors) -> list[Suspect]:
    """Examples whose label may be wrong, the most suspect first.

    Args:
        vectors: Of the examples, (examples, hidden), best from an encoder that was not taught
            these labels.

    Nothing is suspect among fewer than two labels.
    """
    names = sorted({example.intent for example in examples})
    if len(names) < 2:
        return []
    labels = np.array([names.index(example.intent) for example in examples])
    beliefs = fitted(vectors, labels.tolist(), len(names)).left_out
    doubts, others = doubt(beliefs, labels), _other(beliefs, labels)
    rows = np.arange(len(beliefs))
    found = []
    for index in np.flatnonzero(beliefs[rows, others] > beliefs[rows, labels]).tolist():
        suggested = names[others[index]]
        note = f"labelled {examples[index].intent}, reads like {suggested}"
        found.append(Suspect(index, Reason("label_error", float(doubts[index]), note, suggested)))
    return sorted(found, key=lambda one: -one.reason.score)


def doubt(
    beliefs: npt.NDArray[np.float64], labels: npt.NDArray[np.int_]
) -> npt.NDArray[np.float64]:
    """How unlikely each label is, 0 to 1, (sentences,)."""
    return np.asarray(1 - beliefs[np.arange(len(beliefs)), labels])


def _other(beliefs: npt.NDArray[np.float64], labels: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    """The likeliest label but for the one given, (sentences,)."""
    without = beliefs.copy()
    without[np.arange(len(without)), labels] = -1.0
    return np.asarray(without.argmax(axis=1))
