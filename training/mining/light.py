"""A classifier on sentence vectors that is fitted at once, and knows what it would say of each
sentence had it not been told of that one.

Ridge regression on one-hot labels; the answer without a sentence follows from the answer with it
and the sentence's leverage (Allen's PRESS, 1974), so that leaving out each in turn costs no more
than fitting once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.floating]
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
SHARPNESS = (2.0, 4.0, 8.0, 16.0)  # what scores are multiplied with before the softmax


@dataclass(frozen=True, slots=True)
class Light:
    """A fitted classifier. ``weights``: (hidden + 1, classes), the last row is what is added.

    ``left_out``: the probability of each class for each sentence it was fitted on, told by all the
    others, (sentences, classes).
    """

    weights: Float64
    sharpness: float
    left_out: Float64

    def says(self, vectors: Vectors) -> Float64:
        """The probability of each class for each of ``vectors``: (sentences, classes)."""
        return _softmax(self.sharpness * (_inputs(vectors) @ self.weights))


def fitted(vectors: Vectors, labels: Sequence[int], classes: int) -> Light:
    """The classifier of these sentences.

    Args:
        vectors: (sentences, hidden), of length 1; at least one.
        labels: One for each, in ``range(classes)``.

    How strongly to smooth and how sharply to say it are what makes the labels likeliest.
    """
    rows = np.arange(len(vectors))

    def loss(one: Light) -> float:
        return float(-np.log(np.maximum(one.left_out[rows, labels], 1e-12)).mean())

    return min(_tried(_inputs(vectors), np.eye(classes)[np.asarray(labels, int)]), key=loss)


def _tried(inputs: Float64, wanted: Float64) -> Iterator[Light]:
    gram, cross = inputs.T @ inputs, inputs.T @ wanted
    for penalty in PENALTIES:
        inverse = np.linalg.inv(gram + penalty * np.eye(len(gram)))
        weights = inverse @ cross
        leverage = np.einsum("ij,jk,ik->i", inputs, inverse, inputs, optimize=True)
        scores = wanted - (wanted - inputs @ weights) / np.maximum(1 - leverage, 1e-6)[:, None]
        for sharpness in SHARPNESS:
            yield Light(weights, sharpness, _softmax(sharpness * scores))


def _inputs(vectors: Vectors) -> Float64:
    return np.hstack([vectors.astype(np.float64), np.ones((len(vectors), 1))])


def _softmax(scores: Float64) -> Float64:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
