"""Turns that say the same in nearly the same words: one click labels them all."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from rapidfuzz import fuzz, process

from training.dedupe import normalised
from training.mining.seen import Float32

ALIKE = 92.0  # of 100: letters kept
COSINE = 0.97
BLOCK = 512


def groups(texts: Sequence[str], vectors: Float32) -> list[str]:
    """For each text the name of its group, empty where it stands alone.

    Two are alike when they are the same but for case and marks, or nearly the same letters and
    about the same thing. The group is named after its first text.
    """
    plain = [normalised(text) or text for text in texts]
    first: dict[str, int] = {}
    leader = list(range(len(texts)))
    for index, text in enumerate(plain):
        leader[index] = first.setdefault(text, index)
    unique = list(first.values())
    words = [plain[index] for index in unique]
    for begin in range(0, len(unique), BLOCK):
        rows = slice(begin, begin + BLOCK)
        letters = process.cdist(words[rows], words, scorer=fuzz.ratio, score_cutoff=ALIKE)
        cosines = vectors[unique[rows]] @ vectors[unique].T
        for row, column in zip(*np.nonzero((letters > 0) & (cosines >= COSINE)), strict=True):
            _join(leader, unique[begin + int(row)], unique[int(column)])
    found = [_find(leader, index) for index in range(len(texts))]
    sizes = np.bincount(found, minlength=len(texts)) if texts else np.zeros(0, int)
    return [_name(plain[one]) if sizes[one] > 1 else "" for one in found]


def _find(leader: list[int], index: int) -> int:
    while leader[index] != index:
        leader[index] = leader[leader[index]]
        index = leader[index]
    return index


def _join(leader: list[int], one: int, other: int) -> None:
    first, second = sorted((_find(leader, one), _find(leader, other)))
    leader[second] = first


def _name(text: str) -> str:
    return f"same:{sha256(text.encode()).hexdigest()[:16]}"
