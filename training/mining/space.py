"""A space in which what users call one thing lies together: learnt from the intents that are known.

Directions in which sentences of one intent differ among themselves count for less (within-class
covariance normalisation: Hatch, Kajarekar and Stolcke, Interspeech 2006), the covariance shrunk
towards a sphere. What was learnt from known intents holds for unknown ones too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.mining.linkage import Floats, cut, merges, refined
from training.mining.scores import b_cubed

SHRINK = 0.7
FOLDS = 5
MOST_SENTENCES = 1000  # of a fold, looked at for the threshold
THRESHOLDS = np.arange(0.0, 0.95, 0.03)
USUAL = 0.5  # threshold without known intents


@dataclass(frozen=True)
class Space:
    """``whiten``: (hidden, hidden), or None: as it is. ``trust``: how well each of ``THRESHOLDS``
    parted known intents that it was not told of, 0 to 1."""

    whiten: npt.NDArray[np.float64] | None
    middle: npt.NDArray[np.float64]
    trust: npt.NDArray[np.float64]

    def clusters(self, vectors: Floats, *, fewest: int) -> npt.NDArray[np.int_]:
        """The cluster of each of ``vectors``, which are in this space: (n,), 0 and up.

        Of the threshold that did best for known intents and parts these best too.
        """
        steps = merges(vectors)
        tried = [
            refined(vectors, cut(steps, len(vectors), one), fewest=fewest) for one in THRESHOLDS
        ]
        worth = [
            float(one) + apart(vectors, found) for one, found in zip(self.trust, tried, strict=True)
        ]
        return tried[int(np.argmax(worth))]

    def of(self, vectors: Floats) -> Floats:
        """The vectors in this space, of length 1."""
        moved = vectors - self.middle
        return _unit(moved if self.whiten is None else moved @ self.whiten)


def learnt(vectors: Floats, labels: Sequence[str], *, seed: int = 0) -> Space:
    """The space that parts the known intents, and which thresholds do so best.

    Args:
        vectors: Of labelled sentences, (sentences, hidden).
        labels: One for each.

    Thresholds are tried on a fifth of the intents in the space of the others, each fifth in turn:
    the intents to be found will not be among the known ones either.
    """
    names = sorted(set(labels))
    if len(names) < FOLDS:
        middle = vectors.mean(axis=0) if len(vectors) else np.zeros(vectors.shape[1])
        return Space(None, np.asarray(middle, np.float64), 1 - np.abs(THRESHOLDS - USUAL))
    known = np.array([names.index(label) for label in labels])
    folds = np.random.default_rng(seed).permutation(len(names)) % FOLDS
    scores = np.zeros(len(THRESHOLDS))
    for fold in range(FOLDS):
        is_new = folds[known] == fold
        space = _whitening(vectors[~is_new], known[~is_new])
        scores += _agreement(vectors[is_new], known[is_new], space, seed)
    whiten, middle = _whitening(vectors, known)
    return Space(whiten, middle, scores / FOLDS)


def apart(vectors: Floats, found: npt.NDArray[np.int_]) -> float:
    """How much nearer vectors, of length 1, are to the middle of their own cluster than to the next
    one: the simplified silhouette (Hruschka and others 2004), -1 to 1."""
    if len(found) == 0 or found.max() < 1:
        return 0.0
    middles = _unit(
        np.stack([vectors[found == one].mean(axis=0) for one in range(found.max() + 1)])
    )
    distances = 1 - vectors @ middles.T
    rows = np.arange(len(found))
    own = distances[rows, found]
    distances[rows, found] = np.inf
    other = distances.min(axis=1)
    return float(((other - own) / np.maximum(np.maximum(other, own), 1e-9)).mean())


def _whitening(
    vectors: Floats, labels: npt.NDArray[np.int_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    middle = vectors.mean(axis=0).astype(np.float64)
    centres = {label: vectors[labels == label].mean(axis=0) for label in np.unique(labels)}
    spread = vectors - np.stack([centres[label] for label in labels])
    covariance = spread.T @ spread / len(spread)
    sphere = np.trace(covariance) / len(covariance)
    covariance = (1 - SHRINK) * covariance + SHRINK * sphere * np.eye(len(covariance))
    values, axes = np.linalg.eigh(covariance)
    return axes / np.sqrt(np.maximum(values, 1e-9)) @ axes.T, middle


def _agreement(
    vectors: Floats,
    labels: npt.NDArray[np.int_],
    space: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    seed: int,
) -> npt.NDArray[np.float64]:
    """B³ F1 of the clusters at each threshold."""
    if len(vectors) > MOST_SENTENCES:
        some = np.random.default_rng(seed).permutation(len(vectors))[:MOST_SENTENCES]
        vectors, labels = vectors[some], labels[some]
    whiten, middle = space
    steps = merges(_unit((vectors - middle) @ whiten))
    return np.array([b_cubed(labels, cut(steps, len(labels), one)) for one in THRESHOLDS])


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
