"""Whether a text is about anything the bot knows: how likely it has one of the known intents.

Three things are asked of what the model says of a text, none of which costs another run of it:
how high the likeliest intent's logit is, compared with what that intent's own sentences get; how
far the sentence's vector lies from the nearest intent, in the spread the sentences have around
their intents (Mahalanobis distance with one shrunk covariance, Lee and others 2018, arXiv
1807.03888); and how near the nearest of the sentences learnt from is. A logistic regression,
fitted in ``training.scope``, makes a probability of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]

SIGNS = 3  # height of the logit, nearness of the intent, nearness of a sentence
MOST = 1e3  # no sign counts more, whatever the model says
LARGE = 1e6  # what a model says of one text is far less
SURE = 1e-4  # of anything and its contrary, at most 1 less this


@dataclass(frozen=True)
class Scope:
    """What the bot knows, as places among the sentences' vectors.

    ``heights``: what each intent's own sentences get as their highest logit, (intents,).
    ``known``: which intents are in scope, (intents,); a project may have one that says it is not.
    ``centres``: the mean vector of each known intent, (known, hidden). ``whitening``: (hidden,
    hidden), makes the spread around the centres alike in all directions; ``typical`` is the mean
    squared distance in it. ``vectors``: sentences to be near to, each of length 1, (any, hidden).
    ``mean``, ``scale``, ``weights`` and ``bias`` make a probability of the signs, (SIGNS,).
    """

    heights: Float32
    known: npt.NDArray[np.bool_]
    centres: Float32
    whitening: Float32
    typical: float
    vectors: Float32
    mean: Float64
    scale: Float64
    weights: Float64
    bias: float

    def probability(self, logits: Floats, sentence: Floats) -> float:
        """That a text is in scope, strictly between 0 and 1.

        Args:
            logits: Of the intents, (intents,).
            sentence: The vector, (hidden,).
        """
        return float(self.probabilities(logits[None], sentence[None])[0])

    def probabilities(self, logits: Floats, sentences: Floats) -> Float64:
        """The same of many texts: (texts, intents) and (texts, hidden) to (texts,)."""
        return self.believed(self.signs(logits, sentences))

    def believed(self, signs: Float64) -> Float64:
        """The probability that ``signs`` (texts, SIGNS) make, (texts,)."""
        odds = (signs - self.mean) / self.scale @ self.weights + self.bias
        probabilities = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
        return np.asarray(np.clip(probabilities, SURE, 1 - SURE), dtype=np.float64)

    def signs(self, logits: Floats, sentences: Floats) -> Float64:
        """What speaks for each text being in scope, (texts, SIGNS); more is better."""
        known = np.where(self.known, _finite(logits), -np.inf)
        likeliest = known.argmax(axis=1)
        height = known[np.arange(len(known)), likeliest] - self.heights[likeliest]
        vectors = _finite(sentences)
        nearest = self._distances(vectors).min(axis=1)
        signs = [
            height,
            -np.log(
                np.maximum(nearest / self.typical, 0.1)
            ),  # at its centre an intent is not surer
            (vectors @ self.vectors.T).max(axis=1),
        ]
        return np.clip(np.stack(signs, axis=1).astype(np.float64), -MOST, MOST)

    def _distances(self, vectors: Float32) -> Float32:
        """Squared distances to each centre: |x|² - 2 x·c + |c|², in the whitened space."""
        white = vectors @ self.whitening
        squares = (white**2).sum(axis=1, keepdims=True)
        apart = squares - 2 * white @ self._white_centres.T + self._white_squares
        return np.asarray(np.maximum(apart, 0), dtype=np.float32)

    @cached_property
    def _white_centres(self) -> Float32:
        return np.asarray(self.centres @ self.whitening, dtype=np.float32)

    @cached_property
    def _white_squares(self) -> Float32:
        return np.asarray((self._white_centres**2).sum(axis=1), dtype=np.float32)


def _finite(values: Floats) -> Float32:
    """The values as float32, of a size whose square is a number too."""
    if np.abs(values).max(initial=0.0) <= LARGE:  # not so if one is no number
        return np.asarray(values, dtype=np.float32)
    return np.nan_to_num(np.clip(values, -LARGE, LARGE)).astype(np.float32)
