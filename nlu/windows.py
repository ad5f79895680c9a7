"""What a model says of the windows of a long text, as if it had read the text at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlu.tokenizer import Tokens

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the whole text, and where it is read: at ``position`` of the ids of ``window``."""

    start: int
    end: int
    window: int
    position: int


def words_of(windows: Sequence[Tokens]) -> list[Word]:
    """Every word once.

    Where two windows overlap, the words of the first half of what they share come from the earlier
    and the rest from the later: each from where it stands further inside. A word longer than what
    they share is read where it begins.
    """
    found: list[Word] = []
    for index, window in enumerate(windows):
        until = _middle(window, windows[index + 1]) if index + 1 < len(windows) else float("inf")
        for (start, end), position in zip(window.words, window.firsts, strict=True):
            if found and start < found[-1].end:
                last = found[-1]
                found[-1] = Word(last.start, max(end, last.end), last.window, last.position)
            elif start < until:
                found.append(Word(start, end, index, position))
    return found


def tags(words: Sequence[Word], logits: Sequence[Float32]) -> Float32:
    """The logits of every word, (words, tags), from those of every token of each window, (tokens,
    tags)."""
    return np.stack([logits[word.window][word.position] for word in words])


def shares(windows: Sequence[Tokens]) -> Float32:
    """How much of the text each window is: (windows,), together 1."""
    sizes = np.array([len(window.firsts) for window in windows], dtype=np.float32)
    return np.asarray(sizes / sizes.sum(), dtype=np.float32)


def direction(vectors: Float32, weights: Float32) -> Float32:
    """The mean of ``vectors``, (windows, hidden), scaled to length 1."""
    mean = weights @ vectors
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


def _middle(earlier: Tokens, later: Tokens) -> float:
    return (later.words[0][0] + earlier.words[-1][1]) / 2
