"""Sentences that a person labelled, beside the model: what is near one is believed to be alike.

What the model says and what the nearest labelled sentences say are mixed, as a language model's
and its neighbours' words are by Khandelwal and others (2020, arXiv 1911.00172); here the share of
the neighbours rises with how near the nearest is, so that far from every correction nothing
changes. A correction so acts as soon as its sentence's vector is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlu.session import Float32

Float64 = npt.NDArray[np.float64]

MOST = 2000  # 3 MB of vectors of 384 numbers, looked through in 0.2 ms
FROM = 0.5  # cosine to the nearest: nothing counts below, and above with the square of how far
SHARE = 0.98  # of the neighbours, where the sentence itself was corrected
WARMTH = 0.05  # of cosine: by so much farther, a neighbour counts a third


@dataclass(frozen=True, slots=True)
class Belief:
    """How likely a text has each of a model's intents, given that it has one: (intents,); and the
    probability that it has one at all."""

    intents: Float64
    inside: float = 1.0


class Corrections:
    """Labelled sentences as vectors, the ones put last where there are too many.

    Args:
        intents: The model's, in its order.
        most: So many are kept.
    """

    def __init__(self, intents: Sequence[str], *, most: int = MOST) -> None:
        self._columns = {name: column for column, name in enumerate(intents)}
        self._most = most
        self._known: dict[str, tuple[Float32, int]] = {}
        self._vectors: Float32 | None = None
        self._labels = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._known)

    def takes(self, intent: str | None) -> bool:
        """Whether the model can answer ``intent``; None is out of scope, which each knows."""
        return intent is None or intent in self._columns

    def put(self, key: str, vector: Float32, intent: str | None) -> None:
        """A sentence's vector (hidden,), of length 1, and its intent, None for none of them.

        It takes the place of what was put as ``key``. Raises KeyError for an intent not taken.
        """
        column = len(self._columns) if intent is None else self._columns[intent]
        self._known.pop(key, None)
        self._known[key] = (vector, column)
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        self._vectors = None

    def drop(self, key: str) -> None:
        """Forget what was put as ``key``, if anything."""
        if self._known.pop(key, None):
            self._vectors = None

    def mixed(self, belief: Belief, sentence: Float32) -> Belief:
        """``belief`` on the text with this vector (hidden,), with what its neighbours say."""
        if not self._known:
            return belief
        near = self._matrix() @ sentence
        best = float(near.max())
        if not best > FROM:  # nor is a vector that is of no number
            return belief
        share = SHARE * min(1.0, (best - FROM) / (1 - FROM)) ** 2
        counts = np.exp((near - best) / WARMTH) * (near >= FROM)
        said = np.bincount(self._labels, counts, len(self._columns) + 1) / counts.sum()
        there = 1 - float(said[-1])  # how many of the neighbours have an intent
        inside = (1 - share) * belief.inside + share * there
        if not inside:
            return belief
        joint = (1 - share) * belief.inside * belief.intents + share * said[:-1]
        return Belief(joint / inside, inside)

    def _matrix(self) -> Float32:
        if self._vectors is None:
            self._vectors = np.stack([vector for vector, _ in self._known.values()])
            self._labels = np.array([label for _, label in self._known.values()])
        return self._vectors
