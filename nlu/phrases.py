"""Known phrases found in a text, all in one pass over it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import ahocorasick

from nlu.tokenizer import MOST_CHARACTERS


class Phrases:
    """Finds phrases as whole words; a phrase's number is its place in ``phrases``."""

    def __init__(
        self, phrases: Iterable[str], *, case_sensitive: bool = False, whole_words: bool = True
    ) -> None:
        self._case_sensitive, self._whole_words = case_sensitive, whole_words
        self._automaton: Any = ahocorasick.Automaton()  # Aho and Corasick, 1975
        for number, phrase in enumerate(phrases):
            folded = self._fold(phrase.strip())
            if folded and not self._automaton.exists(folded):
                self._automaton.add_word(folded, (number, len(folded)))
        self._empty = not len(self._automaton)
        self._automaton.make_automaton()

    def find(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Each occurrence as number, start and end, in the order they end. Phrases that differ in
        nothing that counts share the lowest of their numbers."""
        if self._empty:
            return
        text = text[:MOST_CHARACTERS]
        for last, (number, length) in self._automaton.iter(self._fold(text)):
            start, end = last + 1 - length, last + 1
            if not self._whole_words or _apart(text, start, end):
                yield number, start, end

    def _fold(self, text: str) -> str:
        """Lower case where that changes no position."""
        if self._case_sensitive:
            return text
        lowered = text.lower()
        if len(lowered) == len(text):
            return lowered
        return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _apart(text: str, start: int, end: int) -> bool:
    """Whether neither end lies inside a word."""
    cuts_first = start > 0 and _in_word(text[start - 1]) and _in_word(text[start])
    cuts_last = end < len(text) and _in_word(text[end - 1]) and _in_word(text[end])
    return not cuts_first and not cuts_last


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_"
