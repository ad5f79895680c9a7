"""How sure a ranking is, from the best score and its lead over the next."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

STEPS = 50  # of Newton's method, which converges in a few
CAUTION = 1e-2  # pulls the weights towards 0, so that few examples do not make them endless


class Certainty(msgspec.Struct, frozen=True):
    """The logit of being right is a line in the score and in the lead."""

    score: float
    lead: float
    offset: float

    def of(self, score: float, lead: float) -> float:
        """How sure it is, 0 to 1."""
        logit = self.score * score + self.lead * lead + self.offset
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))

    def ranked(self, scores: Sequence[float]) -> list[float]:
        """How sure each of ``scores`` is, which fall; what is not the best lags behind it."""
        if len(scores) < 2:
            return [self.of(score, 1.0) for score in scores]
        leads = [scores[0] - scores[1], *(score - scores[0] for score in scores[1:])]
        return [self.of(score, lead) for score, lead in zip(scores, leads, strict=True)]


def fitted(scores: Sequence[float], leads: Sequence[float], right: Sequence[bool]) -> Certainty:
    """The line that makes ``right`` likeliest (logistic regression)."""
    rows = np.column_stack([scores, leads])
    middle, spread = rows.mean(0), np.maximum(rows.std(0), 1e-6)
    features = np.column_stack([(rows - middle) / spread, np.ones(len(rows))])
    wanted = np.asarray(right, dtype=np.float64)
    weights = np.zeros(3)
    for _ in range(STEPS):
        sure = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        slope = features.T @ (sure - wanted) + CAUTION * weights
        bend = features.T @ (features * (sure * (1 - sure))[:, None]) + CAUTION * np.eye(3)
        weights = weights - np.linalg.solve(bend, slope)
    score, lead = (weights[:2] / spread).tolist()
    return Certainty(score, lead, float(weights[2] - (weights[:2] / spread) @ middle))
