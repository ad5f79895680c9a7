"""A text cut into the tokens that rules speak of."""

from __future__ import annotations

import re
from typing import NamedTuple

# Wide forms, dashes and quotes that mean what their plain neighbours do; one for one, so that no
# position moves.
_PLAIN = str.maketrans(
    "：，。－–—−～~’‘`＋．／％＠＄￥（）０１２３４５６７８９",
    ":,.------'''+./%@$¥()0123456789",
)
# Chinese is read character by character, since it has no spaces.
_TOKEN = re.compile(r"[〇㐀-鿿]|[0-9]+(?:[.,][0-9]+)*|[^\W\d_〇㐀-鿿]+|\S")


class Token(NamedTuple):
    """A word in lower case, a number, a Chinese character or a sign; where it is in the text."""

    text: str
    start: int
    end: int


def plain(text: str) -> str:
    """``text`` in lower case with plain signs, character for character."""
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return lowered if lowered.isascii() else lowered.translate(_PLAIN)


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text that is ``plain``."""
    return [Token(match[0], *match.span()) for match in _TOKEN.finditer(text)]


def cuts_word(text: str, start: int, end: int) -> bool:
    """Whether an end of the span lies inside a word: ``B2`` holds no number, ``3pm`` no 3."""
    return (start > 0 and _joined(text[start - 1], text[start])) or (
        end < len(text) and _joined(text[end - 1], text[end])
    )


def _joined(left: str, right: str) -> bool:
    return _in_word(left) and _in_word(right)


def _in_word(char: str) -> bool:
    return (char.isalnum() or char == "_") and not "㐀" <= char <= "鿿" and char != "〇"
