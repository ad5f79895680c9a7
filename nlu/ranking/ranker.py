"""Which answer fits a dialogue so far: the one whose vector is nearest to the dialogue's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nlu.ranking.candidates import Candidate
from nlu.ranking.certainty import Certainty
from nlu.ranking.delexicalise import spoken
from nlu.ranking.dialogue import Line, context_text, response_text
from nlu.ranking.encoder import TextEncoder
from nlu.session import Float32


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate, its cosine to the dialogue, and how sure it is the right one (0 to 1)."""

    candidate: Candidate
    score: float
    confidence: float


class Ranker:
    """Ranks answers. Not to be used from two threads at once.

    Args:
        vectors: Of the candidates, of length 1, (candidates, hidden).
        threshold: The confidence below which none of them is believed.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        candidates: Sequence[Candidate],
        vectors: Float32,
        *,
        most_lines: int,
        certainty: Certainty,
        threshold: float,
    ) -> None:
        self.candidates = tuple(candidates)
        self.threshold, self.most_lines = threshold, most_lines
        self._encoder, self._vectors, self._certainty = encoder, vectors, certainty

    def rank(
        self,
        lines: Sequence[Line],
        *,
        limit: int = 10,
        wanted: Callable[[Candidate], bool] = lambda candidate: True,
    ) -> list[Ranked]:
        """The best candidates among the ``wanted`` after ``lines``, the best first."""
        chosen = [i for i, candidate in enumerate(self.candidates) if wanted(candidate)]
        if not lines or not chosen:
            return []
        [context] = self._encoder.sentences([context_text(lines, most_lines=self.most_lines)])
        scores = self._vectors[chosen] @ context
        order = np.argsort(-scores, kind="stable")[: max(limit, 2)].tolist()
        best = [float(scores[place]) for place in order]
        sure = self._certainty.ranked(best)
        return [
            Ranked(self.candidates[chosen[place]], best[rank], sure[rank])
            for rank, place in enumerate(order[:limit])
        ]


def read_candidates(candidates: Sequence[Candidate], encoder: TextEncoder) -> Float32:
    """The vectors of ``candidates``, in order."""
    return encoder.sentences([response_text(spoken(each.template)) for each in candidates])
