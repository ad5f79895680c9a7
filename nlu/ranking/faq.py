"""The FAQ entry that answers a question, without training on it.

Each wording of an entry's question is compared with what was asked in three ways:

- the mean of the pieces' vectors, each weighted by how rare the piece is in the FAQ (its inverse
  document frequency; Arora and others 2017, A simple but tough-to-beat baseline for sentence
  embeddings): the words that all entries share tell nothing apart;
- for each piece that was asked, its nearest in the wording, weighted in the same way (Khattab and
  Zaharia 2020, ColBERT, arXiv 2004.12832): a rare word that is there says more than the mean shows;
- the first again with the wording and its answer read as one text.

Of the first and third, half of what a wording has in common with the nearest of other entries is
taken away, since some are near to everything (Conneau and others 2018, Word translation without
parallel data, arXiv 1710.04087). The rules and their numbers were chosen on deepset_covid and
hint3; ``tests/bench/RESULTS.md`` has the rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlu.ranking.certainty import Certainty
from nlu.ranking.encoder import Int64, Pieces, TextEncoder, unit
from nlu.ranking.entry import FaqEntry
from nlu.session import Float32

Float16 = npt.NDArray[np.float16]

NEAREST = 3  # wordings of other entries that tell how near a wording is to everything
TAKEN_AWAY = 0.5
MOST_CLOSELY = 200  # wordings, the nearest by the mean, whose pieces are looked at
# The logit of an entry to be right is a line in its score and its lead over the next, fitted on
# deepset_covid and hint3, each question asked once with its entry there and once without.
CERTAINTY = Certainty(score=7.7, lead=7.3, offset=-4.6)


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, its score (at most about 1), and how sure it is the right one (0 to 1)."""

    entry: FaqEntry
    score: float
    confidence: float


@dataclass(frozen=True, slots=True)
class FaqVectors:
    """What is known of the wordings of all entries, in their order, as it is kept in a bundle."""

    owners: Int64  # (wordings,): the number of the entry
    pieces: Float16  # (pieces of all wordings, hidden), each of length 1
    starts: Int64  # (wordings,): where the pieces of each begin
    questions: Float32  # (wordings, hidden)
    joined: Float32  # (wordings, hidden): with the answer
    common: Float32  # (2, wordings): nearness to other entries, of questions and of joined
    rare_ids: Int64  # pieces that are somewhere in the FAQ
    rare_weights: Float32  # (2, pieces): among questions, among questions with answers
    unseen: Float32  # (2,): the weight of any other piece


class FaqIndex:
    """Entries to be searched. Not to be used from two threads at once."""

    def __init__(
        self, entries: Sequence[FaqEntry], vectors: FaqVectors, encoder: TextEncoder
    ) -> None:
        self.entries = tuple(entries)
        self._vectors, self._encoder = vectors, encoder
        ends = np.append(vectors.starts[1:], len(vectors.pieces))
        self._lengths = ends - vectors.starts
        self._spans = [slice(*span) for span in zip(vectors.starts, ends, strict=True)]
        self._weights = tuple(
            _Weights(dict(zip(vectors.rare_ids.tolist(), row.tolist(), strict=True)), float(unseen))
            for row, unseen in zip(vectors.rare_weights, vectors.unseen, strict=True)
        )

    def search(
        self, text: str, *, limit: int = 10, among: Collection[str] | None = None
    ) -> list[Found]:
        """The best entries for ``text``, the best first.

        Args:
            among: Names of entries to choose from; None for all.
        """
        if not self.entries or not text.strip():
            return []
        scores = self.scores(text)
        order = [
            index
            for index in np.argsort(-scores, kind="stable").tolist()
            if among is None or self.entries[index].name in among
        ][: max(limit, 2)]
        best = [float(scores[index]) for index in order]
        sure = CERTAINTY.ranked(best)
        return [
            Found(self.entries[index], best[place], sure[place])
            for place, index in enumerate(order[:limit])
        ]

    def scores(self, text: str) -> Float32:
        """One for each entry: its best wording's, (entries,)."""
        [asked] = self._encoder.pieces([text])
        vectors = self._vectors
        alone, joined = (asked.weighted(weights.of(asked.ids)) for weights in self._weights)
        by_mean = vectors.questions @ alone - TAKEN_AWAY * vectors.common[0]
        by_mean += vectors.joined @ joined - TAKEN_AWAY * vectors.common[1]
        each = (by_mean + self._closely(asked, by_mean)) / 3
        scores = np.full(len(self.entries), -np.inf, dtype=np.float32)
        np.maximum.at(scores, vectors.owners, each)
        return scores

    def _closely(self, asked: Pieces, by_mean: Float32) -> Float32:
        """Nearness of the pieces asked to those of each wording; 0 for wordings far away."""
        vectors, weights = self._vectors, self._weights[0].of(asked.ids[asked.own])
        close = np.zeros(len(by_mean), dtype=np.float32)
        if not len(weights):
            return close
        nearest = np.sort(np.argsort(-by_mean, kind="stable")[:MOST_CLOSELY])
        nearest = nearest[self._lengths[nearest] > 0]
        if not len(nearest):
            return close
        spans = [self._spans[wording] for wording in nearest]
        pieces = np.concatenate([vectors.pieces[span] for span in spans]).astype(np.float32)
        begins = np.cumsum([0, *self._lengths[nearest][:-1]])
        cosines = unit(asked.vectors[asked.own]) @ pieces.T  # (pieces asked, pieces)
        best = np.maximum.reduceat(cosines, begins, axis=1)
        close[nearest] = weights @ best / weights.sum()
        return close


def index_vectors(entries: Sequence[FaqEntry], encoder: TextEncoder) -> FaqVectors:
    """Read every wording of ``entries``."""
    wordings = [
        (number, question, f"{question} {entry.answer}")
        for number, entry in enumerate(entries)
        for question in entry.questions
    ]
    owners = np.array([number for number, _, _ in wordings], dtype=np.int64)
    alone = encoder.pieces([question for _, question, _ in wordings])
    joined = encoder.pieces([both for _, _, both in wordings])
    weights = [_Weights.among(alone), _Weights.among(joined)]
    ids = np.array(sorted(weights[0].known.keys() | weights[1].known.keys()), dtype=np.int64)
    means = [
        np.array([text.weighted(each.of(text.ids)) for text in texts], dtype=np.float32)
        for texts, each in zip((alone, joined), weights, strict=True)
    ]
    own = [unit(text.vectors[text.own]) for text in alone]
    lengths = [len(pieces) for pieces in own]
    return FaqVectors(
        owners=owners,
        pieces=np.concatenate(own).astype(np.float16),
        starts=np.cumsum([0, *lengths[:-1]]).astype(np.int64),
        questions=means[0],
        joined=means[1],
        common=np.array([_common(each, owners) for each in means], dtype=np.float32),
        rare_ids=ids,
        rare_weights=np.array([each.of(ids) for each in weights], dtype=np.float32),
        unseen=np.array([each.unseen for each in weights], dtype=np.float32),
    )


@dataclass(frozen=True, slots=True)
class _Weights:
    """How rare each piece is; ``unseen`` for those that are nowhere."""

    known: dict[int, float]
    unseen: float

    @staticmethod
    def among(texts: Sequence[Pieces]) -> _Weights:
        counts = Counter(piece for text in texts for piece in set(text.ids.tolist()))
        rare = {piece: _rare(count, len(texts)) for piece, count in counts.items()}
        return _Weights(rare, _rare(0, len(texts)))

    def of(self, ids: Int64) -> Float32:
        found = [self.known.get(piece, self.unseen) for piece in ids.tolist()]
        return np.array(found, dtype=np.float32)


def _rare(count: int, texts: int) -> float:
    """The inverse document frequency of what is in ``count`` of ``texts``; above 0."""
    return math.log(1 + (texts + 0.5) / (count + 0.5))


def _common(means: Float32, owners: Int64) -> Float32:
    """The mean nearness of each wording to the nearest ones of other entries."""
    common = np.zeros(len(means), dtype=np.float32)
    for index, mean in enumerate(means):
        others = (means @ mean)[owners != owners[index]]
        if len(others):
            nearest = np.sort(others)[-NEAREST:]
            common[index] = nearest.mean()
    return common
