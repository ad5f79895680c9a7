"""Known phrases found in a text, all in one pass over it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import ahocorasick

from nlu.tokenizer import MOST_CHARACTERS

# Thai to Burmese, Khmer, kana, Chinese: scripts that set no spaces between words.
_SPACELESS = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)


class Phrases:
    """Finds phrases as whole words; a phrase's number is its place in ``phrases``.

    ``spaceless``: Chinese, Japanese and Thai, which set no spaces, have a word at any letter.
    """

    def __init__(
        self,
        phrases: Iterable[str],
        *,
        case_sensitive: bool = False,
        whole_words: bool = True,
        spaceless: bool = False,
    ) -> None:
        self._case_sensitive, self._whole_words = case_sensitive, whole_words
        self._in_word = _in_spaced_word if spaceless else _in_word
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
            if not self._whole_words or self._apart(text, start, end):
                yield number, start, end

    def _apart(self, text: str, start: int, end: int) -> bool:
        """Whether neither end lies inside a word."""
        inside = self._in_word
        cuts_first = start > 0 and inside(text[start - 1]) and inside(text[start])
        cuts_last = end < len(text) and inside(text[end - 1]) and inside(text[end])
        return not cuts_first and not cuts_last

    def _fold(self, text: str) -> str:
        """Lower case where that changes no position."""
        if self._case_sensitive:
            return text
        lowered = text.lower()
        if len(lowered) == len(text):
            return lowered
        return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _in_spaced_word(char: str) -> bool:
    return _in_word(char) and _SPACELESS.match(char) is None
