"""Listed values as people mistype them.

A value with one mistake in it has one of its two halves right, one with two mistakes one of its
three thirds: looking those up leaves few values to compare in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from nlu.tokenizer import MOST_CHARACTERS

ONE_FROM, TWO_FROM = 5, 9
"""Letters from which one mistake, and two, are forgiven: in shorter words they make others."""
MOST_CANDIDATES = 2_000  # compared in full for one stretch of words
MOST_NEAR = 5  # nearest values of which the first that forgives so much counts
_WORD = re.compile(r"\w+")


class Near(NamedTuple):
    """A stretch of the text that is nearly a value."""

    start: int
    end: int
    value: str
    distance: int


class FuzzyPhrases:
    """Finds values that differ by a letter or two from what is written."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = [value for value in dict.fromkeys(values) if _forgiven(value)]
        self._by_piece: dict[tuple[int, int, str], list[int]] = {}
        self._folded = [value.lower() for value in self._values]
        self._most_words = max((len(_WORD.findall(value)) for value in self._values), default=0)
        for number, folded in enumerate(self._folded):
            for place, piece in _pieces(folded):
                self._by_piece.setdefault((len(folded), place, piece), []).append(number)

    def find(self, text: str, taken: Sequence[tuple[int, int]] = ()) -> list[Near]:
        """The nearest value of each stretch of words, without overlaps among them nor with what
        is ``taken``; of two the nearer, then the longer counts."""
        found: list[Near] = []
        for start, end in self._stretches(text[:MOST_CHARACTERS]):
            if any(start < other_end and other < end for other, other_end in taken):
                continue
            if nearest := self._nearest(text[start:end]):
                found.append(Near(start, end, *nearest))
        found.sort(key=lambda near: (near.distance, near.start - near.end, near.start))
        kept: list[Near] = []
        for near in found:
            if all(near.end <= other.start or other.end <= near.start for other in kept):
                kept.append(near)
        return sorted(kept)

    def _stretches(self, text: str) -> Iterator[tuple[int, int]]:
        words = [match.span() for match in _WORD.finditer(text)]
        for first, (start, _) in enumerate(words):
            for _, end in words[first : first + self._most_words]:
                yield start, end

    def _nearest(self, written: str) -> tuple[str, int] | None:
        """The value nearest to ``written`` that its own length forgives; the first of equals."""
        most = _forgiven(written)
        if not most or not (numbers := self._candidates(written.lower())):
            return None
        choices = {number: self._folded[number] for number in numbers}
        ranked = process.extract(
            written.lower(),
            choices,
            scorer=Levenshtein.distance,
            score_cutoff=most,
            limit=MOST_NEAR,
        )
        for _, distance, number in ranked:
            if distance <= _forgiven(self._values[number]):
                return self._values[number], int(distance)
        return None

    def _candidates(self, folded: str) -> list[int]:
        """Values with a piece that stands in ``folded``, at most as far off as mistakes can move
        it."""
        found: dict[int, None] = {}
        for length in range(len(folded) - 2, len(folded) + 3):
            most = 2 if length >= TWO_FROM else 1
            for place, (start, end) in enumerate(_cuts(length, most)):
                for moved in range(-most, most + 1):
                    piece = folded[max(0, start + moved) : max(0, end + moved)]
                    for number in self._by_piece.get((length, place, piece), ()):
                        found[number] = None
                if len(found) > MOST_CANDIDATES:
                    return list(found)[:MOST_CANDIDATES]
        return list(found)


def _forgiven(value: str) -> int:
    """How many mistakes are; in numbers none, since another number is another thing."""
    letters = sum(char.isalpha() for char in value)
    if letters < ONE_FROM or any(char.isdigit() for char in value):
        return 0
    return 2 if len(value) >= TWO_FROM and letters >= TWO_FROM else 1


def _pieces(folded: str) -> Iterator[tuple[int, str]]:
    most = 2 if len(folded) >= TWO_FROM else 1
    for place, (start, end) in enumerate(_cuts(len(folded), most)):
        yield place, folded[start:end]


@lru_cache(maxsize=512)
def _cuts(length: int, mistakes: int) -> list[tuple[int, int]]:
    """Where a value is cut into one piece more than mistakes are forgiven."""
    parts = mistakes + 1
    edges = [length * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))
