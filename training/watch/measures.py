"""How far apart two samples of turns are. Plain NumPy: watching needs no torch.

Every measure is 0 where there is no difference, and grows with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

DECILES = np.linspace(0.1, 0.9, 9)
AXES = 32  # of the vectors that a classifier looks at: those along which they differ most
RIDGE = 0.1  # of the classifier, as a part of the mean variance


@dataclass(frozen=True)
class Sample:
    """Turns as the current model reads them, each array (turns,).

    ``conversations`` numbers whose they are; ``intents`` are columns of the model; ``inside`` tells
    how likely a turn is about anything the bot knows, ``pieces`` how many word pieces a word has.
    ``vectors``: (turns, hidden), of length 1.
    """

    conversations: Ints
    intents: Ints
    confidences: Floats
    inside: Floats
    pieces: Floats
    vectors: Floats

    def __len__(self) -> int:
        return len(self.intents)

    def of(self, which: npt.NDArray[np.bool_] | Ints) -> Sample:
        """Some of the turns."""
        return Sample(
            self.conversations[which],
            self.intents[which],
            self.confidences[which],
            self.inside[which],
            self.pieces[which],
            self.vectors[which],
        )


def psi(reference: Sample, window: Sample) -> float:
    """The population stability index of the predicted intents.

    Half a turn is thought to be added to each intent, so that one that is new does not count
    without bound.
    """
    columns = int(max(reference.intents.max(), window.intents.max())) + 1
    shares = [_shares(one.intents, columns) for one in (reference, window)]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def _shares(intents: Ints, columns: int) -> Floats:
    counts = np.bincount(intents, minlength=columns) + 0.5
    return np.asarray(counts / counts.sum())


def confidence(reference: Sample, window: Sample) -> float:
    """By how much the decile of the confidences that moved most moved."""
    return _moved(reference.confidences, window.confidences)


def outside(reference: Sample, window: Sample) -> float:
    """The same of how likely a turn is in scope."""
    return _moved(reference.inside, window.inside)


def _moved(reference: Floats, window: Floats) -> float:
    apart = np.quantile(window, DECILES) - np.quantile(reference, DECILES)
    return float(np.abs(apart).max())


def pieces(reference: Sample, window: Sample) -> float:
    """By how much the word pieces of a word rose or fell: words that the vocabulary lacks have
    many."""
    return float(abs(window.pieces.mean() - reference.pieces.mean()))


def vectors(reference: Sample, window: Sample) -> float:
    """How well a classifier tells the sentence vectors of the two apart: twice the area under its
    ROC curve over a half, from 0 to 1 (Lopez-Paz and Oquab 2017, arXiv 1610.06545).

    Learns of half the conversations, is asked of the other half, and the other way round.
    """
    both = np.concatenate([reference.vectors, window.vectors]).astype(np.float64)
    is_new = np.repeat([False, True], [len(reference), len(window)])
    half = np.concatenate([reference.conversations, window.conversations]) % 2 == 0
    points = _along(both)
    found = [
        _area(points[~side] @ _told_apart(points[side], is_new[side]), is_new[~side])
        for side in (half, ~half)
        if 0 < is_new[side].sum() < side.sum() and 0 < is_new[~side].sum() < (~side).sum()
    ]
    return max(0.0, 2 * float(np.mean(found)) - 1) if found else 0.0


def _along(points: Floats) -> Floats:
    """The points along the axes on which they differ most."""
    centred = points - points.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ axes[:, -AXES:])


def _told_apart(points: Floats, is_new: npt.NDArray[np.bool_]) -> Floats:
    """The direction of Fisher's discriminant, with a ridge."""
    between = points[is_new].mean(0) - points[~is_new].mean(0)
    within = np.cov(points.T).reshape(points.shape[1], -1)
    ridge = RIDGE * max(float(np.trace(within)) / len(within), 1e-12)
    return np.linalg.solve(within + ridge * np.eye(len(within)), between)


def _area(scores: Floats, is_new: npt.NDArray[np.bool_]) -> float:
    """The area under the ROC curve, from the ranks; those of equal scores are their mean."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    new = int(is_new.sum())
    return float((ranks[is_new].sum() - new * (new + 1) / 2) / (new * (len(scores) - new)))


Measure = Callable[[Sample, Sample], float]

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "intents": psi,
        "confidence": confidence,
        "scope": outside,
        "words": pieces,
        "vectors": vectors,
    }
)
# From which on each is worth a look, and worth acting on, however many turns there are. Those of
# the index are the usual ones; 0.2 and 0.3 of `vectors` are areas of 0.6 and 0.65.
FLOORS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "intents": (0.1, 0.25),
        "confidence": (0.05, 0.1),
        "scope": (0.05, 0.1),
        "words": (0.1, 0.2),
        "vectors": (0.2, 0.3),
    }
)
