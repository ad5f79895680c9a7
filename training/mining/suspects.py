"""Sentences of the training data whose label may be wrong: confident learning.

After Northcutt, Jiang and Chuang 2021 (arXiv 1911.00068): a sentence is suspect where a classifier
that was not told of it is surer of another label than it usually is of that label's own
sentences; the further its own label falls behind, the more so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.project.project import Example
from bot.review.item import Reason
from training.mining.light import Vectors, left_out

FEWEST = 2  # sentences of a label: of one that has fewer nothing is known without it


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
    beliefs = left_out(vectors, labels.tolist(), len(names))
    doubts = doubt(beliefs, labels)
    others = _other(beliefs, labels)
    found = []
    for index in np.flatnonzero(is_issue(beliefs, labels)).tolist():
        suggested = names[others[index]]
        note = f"labelled {examples[index].intent}, reads like {suggested}"
        found.append(Suspect(index, Reason("label_error", float(doubts[index]), note, suggested)))
    return sorted(found, key=lambda one: -one.reason.score)


def doubt(
    beliefs: npt.NDArray[np.float64], labels: npt.NDArray[np.int_]
) -> npt.NDArray[np.float64]:
    """How far each label falls behind the likeliest other one, 0 to 1, (sentences,)."""
    rows = np.arange(len(beliefs))
    other = beliefs[rows, _other(beliefs, labels)]
    return np.asarray((1 + other - beliefs[rows, labels]) / 2)


def is_issue(
    beliefs: npt.NDArray[np.float64], labels: npt.NDArray[np.int_]
) -> npt.NDArray[np.bool_]:
    """Where another label is as likely as it is for its own sentences, and likelier than the one
    given, (sentences,)."""
    classes = beliefs.shape[1]
    counts = np.bincount(labels, minlength=classes)
    usual = np.array(
        [beliefs[labels == c, c].mean() if counts[c] >= FEWEST else np.inf for c in range(classes)]
    )
    rows, other = np.arange(len(beliefs)), _other(beliefs, labels)
    is_sure = beliefs[rows, other] >= usual[other]
    return np.asarray(
        is_sure & (beliefs[rows, other] > beliefs[rows, labels]) & (counts[labels] >= FEWEST)
    )


def _other(beliefs: npt.NDArray[np.float64], labels: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    """The likeliest label but for the one given, (sentences,)."""
    without = beliefs.copy()
    without[np.arange(len(without)), labels] = -1.0
    return np.asarray(without.argmax(axis=1))
