"""What a word's tag says of the next word's: a linear-chain CRF, decoded (Lafferty et al. 2001)."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nlu.errors import BundleError

Floats = npt.NDArray[np.floating[Any]]
Float64 = npt.NDArray[np.float64]

NEVER = -1e4  # the score of what no text may have; finite, so that sums of it stay numbers


@dataclass(frozen=True, slots=True)
class Chain:
    """Scores of tags that follow each other, added to those that words give their tags.

    Tags are O, then B and I of every label in turn. ``start`` (tags,) is for the first word,
    ``transitions`` (tags, tags) for a column's tag after a row's. Where a tag would continue what
    did not begin, both are NEVER or less.
    """

    start: Float64
    transitions: Float64

    @staticmethod
    def of(start: Floats, transitions: Floats) -> Chain:
        """The chain of learnt scores; what is not legal is ruled out."""
        first, following = illegal(len(start))
        return Chain(
            start.astype(np.float64) + NEVER * first,
            transitions.astype(np.float64) + NEVER * following,
        )

    def best(self, emissions: Floats) -> list[int]:
        """The tags, one per word, that score most together (Viterbi).

        Args:
            emissions: What each word says of each tag, (words, tags).
        """
        if not len(emissions):
            return []
        score = self.start + emissions[0]
        back = []
        for word in range(1, len(emissions)):
            reached = score[:, None] + self.transitions
            before = reached.argmax(axis=0)
            back.append(before)
            score = reached[before, np.arange(len(score))] + emissions[word]
        path = [int(score.argmax())]
        for before in reversed(back):
            path.append(int(before[path[-1]]))
        return path[::-1]

    def marginals(self, emissions: Floats) -> Float64:
        """How likely each tag is at each word, whatever the others have: (words, tags)."""
        words = len(emissions)
        if not words:
            return np.zeros((0, len(self.start)))
        steps = np.exp(self.transitions - self.transitions.max())
        said = np.exp(emissions - emissions.max(axis=1, keepdims=True)).astype(np.float64)
        forward, backward = np.empty_like(said), np.empty_like(said)
        forward[0] = _shares(said[0] * np.exp(self.start - self.start.max()))
        backward[-1] = 1.0
        for word in range(1, words):
            forward[word] = _shares(said[word] * (forward[word - 1] @ steps))
        for word in range(words - 2, -1, -1):
            backward[word] = _shares(steps @ (said[word + 1] * backward[word + 1]))
        together = forward * backward
        return np.asarray(together / together.sum(axis=1, keepdims=True), dtype=np.float64)


def illegal(tags: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which tags no text begins with, (tags,), and which do not follow which, (tags, tags):
    I of a label follows B or I of the same label alone."""
    inside = np.arange(2, tags, 2)
    first = np.zeros(tags, dtype=bool)
    first[inside] = True
    following = np.zeros((tags, tags), dtype=bool)
    following[:, inside] = True
    following[inside, inside] = following[inside - 1, inside] = False
    return first, following


def write_chain(path: Path, start: Floats, transitions: Floats) -> None:
    """Keep the learnt scores of a chain in ``path``, in float32."""
    np.savez(path, start=start.astype(np.float32), transitions=transitions.astype(np.float32))


def read_chain(path: Path, tags: int) -> Chain:
    """The chain in ``path``; BundleError where it is none of so many tags."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            start, transitions = arrays["start"], arrays["transitions"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path} holds no chain of tags: {error}") from error
    if start.shape != (tags,) or transitions.shape != (tags, tags):
        raise BundleError(
            f"{path} is of {start.shape} and {transitions.shape} tags; the manifest has {tags}."
        )
    if not (np.isfinite(start).all() and np.isfinite(transitions).all()):
        raise BundleError(f"{path} holds numbers that are not finite.")
    return Chain.of(start, transitions)


def _shares(weights: Float64) -> Float64:
    """``weights`` scaled to sum to 1; the smallest positive number where all have vanished."""
    weights = np.maximum(weights, np.finfo(np.float64).tiny)
    return np.asarray(weights / weights.sum(), dtype=np.float64)
