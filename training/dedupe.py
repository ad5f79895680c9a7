"""Sentences that training and test data share, or nearly: they would make scores too good."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz, process

from bot.project.project import Example

NOT_WORDS = re.compile(r"[\W_]+")
ROWS = 256  # test sentences compared at a time, which bounds the memory


class Pair(msgspec.Struct, frozen=True):
    """A training sentence, the test sentence most like it, and how alike they are."""

    training: str
    test: str
    similarity: float


class Nearest(msgspec.Struct, frozen=True):
    """How near each test sentence's nearest training sentence is, as cosines."""

    quantiles: dict[str, float]
    pairs: tuple[Pair, ...]  # the nearest ones first


def normalised(text: str) -> str:
    """``text`` without case, accents' encoding, punctuation and repeated spaces."""
    return NOT_WORDS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def near_duplicates(
    training: Sequence[Example], tests: Sequence[Example], threshold: float
) -> dict[int, Pair]:
    """Training examples that a test repeats: their index, and the pair.

    Args:
        threshold: Least similarity from 0 to 100: edits that keep and drop letters, over the
            letters of both (rapidfuzz's ratio). Equal words count as 100 whatever the marks.
    """
    ours = [normalised(example.text) or example.text for example in training]
    theirs = [normalised(example.text) or example.text for example in tests]
    found: dict[int, Pair] = {}
    for begin in range(0, len(theirs), ROWS):
        scores = process.cdist(
            theirs[begin : begin + ROWS], ours, scorer=fuzz.ratio, score_cutoff=max(threshold, 1)
        )  # (tests, training); 0 below the threshold
        for row, column in zip(*np.nonzero(scores), strict=True):
            similarity = round(float(scores[row, column]), 1)
            known = found.get(int(column))
            if known is None or known.similarity < similarity:
                texts = training[column].text, tests[begin + row].text
                found[int(column)] = Pair(*texts, similarity)
    return dict(sorted(found.items()))


def without(examples: Sequence[Example], dropped: dict[int, Pair]) -> list[Example]:
    """``examples`` but for those at the indices ``dropped``, of which each intent keeps one."""
    kept = [example for i, example in enumerate(examples) if i not in dropped]
    intents = {example.intent for example in kept}
    for i in dropped:
        if examples[i].intent not in intents:
            intents.add(examples[i].intent)
            kept.append(examples[i])
    return kept


def nearest(
    training: Sequence[str],
    tests: Sequence[str],
    training_vectors: npt.NDArray[np.float32],
    test_vectors: npt.NDArray[np.float32],
    *,
    most: int = 20,
) -> Nearest:
    """Compare sentence vectors of length 1, (sentences, hidden) each."""
    closest = np.concatenate(
        [
            (block @ training_vectors.T).argmax(axis=1)
            for block in np.array_split(test_vectors, -(-len(test_vectors) // ROWS))
        ]
    )
    cosines = (test_vectors * training_vectors[closest]).sum(axis=1)
    quantiles = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
    order = np.argsort(-cosines)[:most]
    return Nearest(
        quantiles={
            f"{q:.2f}": round(float(v), 4)
            for q, v in zip(quantiles, np.quantile(cosines, quantiles), strict=True)
        },
        pairs=tuple(
            Pair(training[closest[i]], tests[i], round(float(cosines[i]), 4)) for i in order
        ),
    )
