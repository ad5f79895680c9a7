"""Text to what a model reads, and back to places in the text.

Every position counts Unicode code points of the text as it was handed in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding
from tokenizers import Tokenizer as Pieces

from nlu.context import ContextPieces
from nlu.errors import BundleError
from nlu.parse import NO_CONTEXT, Context

Int64 = npt.NDArray[np.int64]

MOST_CHARACTERS = 4096
"""Of a longer text the rest is not looked at: nobody needs it to be understood, and the time to
answer stays bounded."""

PADDING = ("[PAD]", "<pad>", "<|padding|>")  # what vocabularies call it
BLANKS = ("[MASK]", "<mask>", "[UNK]", "<unk>")  # what stands for a word that is not told

# Han, kana, Thai, Lao, Myanmar, Khmer and what else Unicode puts beside them.
_UNSPACED = re.compile(
    "[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u31f0-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as the model reads it. ``words`` start and end in the text; word ``i`` begins at
    position ``firsts[i]`` of ``ids``. The last ``context`` of the ids are of what went before."""

    ids: Sequence[int]
    firsts: Sequence[int]
    words: tuple[tuple[int, int], ...]
    context: int = 0

    def blanked(self, start: int, end: int, blank_id: int) -> Tokens:
        """These, with ``blank_id`` for every piece of the words between ``start`` and ``end``."""
        ids = list(self.ids)
        closing = len(ids) - self.context - 1  # a special token ends a text
        for first, after, word in zip(
            self.firsts, (*self.firsts[1:], closing), self.words, strict=True
        ):
            if word[0] < end and start < word[1]:
                pieces = max(after - first, 1)
                ids[first : first + pieces] = [blank_id] * pieces
        return replace(self, ids=ids)


@dataclass(frozen=True, slots=True)
class Batch:
    """Requests padded to the longest. All arrays: shape (requests, tokens)."""

    ids: Int64
    mask: Int64  # 1 where there is a token, 0 where there is padding
    types: Int64  # 1 where a token is of the context, 0 elsewhere


def readable(text: str) -> str:
    """``text`` of the same length without lone surrogates, which no encoder can write."""
    return _LONE_SURROGATE.sub("\ufffd", text)


class Tokenizer:
    """Splits texts into the pieces of one vocabulary.

    Args:
        max_tokens: Of a text, with the special ones.
        context_tokens: So many more for what went before it; with 0 none of it is read.
        context_turns: How many of the user's earlier turns count as that.
    """

    def __init__(
        self,
        tokenizer_json: bytes,
        *,
        max_tokens: int,
        context_tokens: int = 0,
        context_turns: int = 0,
    ) -> None:
        try:
            self._pieces = Pieces.from_buffer(tokenizer_json)
        except Exception as error:  # the package raises nothing narrower
            raise BundleError(f"tokenizer.json cannot be read: {error}") from error
        self._pieces.no_padding()
        self._pieces.enable_truncation(max_tokens, stride=overlap_of(max_tokens))
        self._pieces.encode_special_tokens = True  # a typed "[SEP]" is text, not a separator
        self.pad_id = self._first_of(PADDING, default=0)
        self.blank_id = self._first_of(BLANKS, default=self.pad_id)
        self._context: ContextPieces | None = None
        if context_tokens:
            whole = Pieces.from_buffer(tokenizer_json)
            whole.no_padding()
            whole.no_truncation()
            whole.encode_special_tokens = True
            separator = self._pieces.encode("").ids[-1:]
            self._context = ContextPieces(
                whole, separator, most=context_tokens, turns=context_turns
            )

    def _first_of(self, names: Sequence[str], *, default: int) -> int:
        known = (self._pieces.token_to_id(name) for name in names)
        return next((found for found in known if found is not None), default)

    def encode(self, text: str, context: Context = NO_CONTEXT) -> Tokens:
        """The pieces of ``text``, then those of ``context`` as far as it is read. Of a text that is
        too long for the model, its first window."""
        return self.windows(text, context)[0]

    def windows(self, text: str, context: Context = NO_CONTEXT) -> list[Tokens]:
        """``text`` in as many windows as it needs, each as the model can read it.

        One for nearly any text. A window begins before the end of the one before it, so that what
        is near an end of one stands further inside of another.
        """
        window, skipped = _window(readable(text))
        encoding = self._pieces.encode(window)
        before = self._context.ids(context) if self._context else []
        first = _tokens(window, skipped, encoding, before)
        rest = [_tokens(window, skipped, each, before) for each in encoding.overflowing]
        return [tokens for tokens in (first, *rest) if tokens.firsts] or [first]


def overlap_of(max_tokens: int) -> int:
    """How many tokens of a window are in the next one too."""
    return max_tokens // 4


def _tokens(window: str, skipped: int, encoding: Encoding, before: list[int]) -> Tokens:
    """The words of an encoding. The bytes of a character may be several pieces, and an accent one
    of its own: what stands in a word that is there already belongs to it."""
    firsts: list[int] = []
    spans: list[tuple[int, int]] = []
    last = None
    for position, (word, offsets) in enumerate(
        zip(encoding.word_ids, encoding.offsets, strict=True)
    ):
        if word is None:  # a special token
            continue
        start, end = _trimmed(window, *offsets)
        if start == end:  # of nothing but blanks
            continue
        end = _after_marks(window, end)
        before_end = spans[-1][1] if spans else 0
        if start < before_end or (word == last and not _apart(window, start)):
            spans[-1] = (spans[-1][0], max(end, before_end))
        else:
            firsts.append(position)
            spans.append((start, end))
        last = word
    words = tuple((start + skipped, end + skipped) for start, end in spans)
    return Tokens(encoding.ids + before, firsts, words, len(before))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A piece without the blanks that some vocabularies count in."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _apart(text: str, start: int) -> bool:
    """Whether what stands at ``start`` is a word of its own, though the vocabulary splits at blanks
    alone: at a punctuation mark, behind another blank, and in scripts written without blanks."""
    return _stands_alone(text[start]) or _stands_alone(text[start - 1])


@lru_cache(maxsize=4096)
def _stands_alone(character: str) -> bool:
    kind = unicodedata.category(character)
    return (
        kind[0] == "P" or character.isspace() or (kind == "Lo" and bool(_UNSPACED.match(character)))
    )


def pad(rows: Sequence[Tokens], *, pad_id: int) -> Batch:
    """One batch of ``rows``, in their order."""
    longest = max(len(row.ids) for row in rows)
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    mask, types = (np.zeros((len(rows), longest), dtype=np.int64) for _ in range(2))
    for index, row in enumerate(rows):
        end = len(row.ids)
        ids[index, :end] = row.ids
        mask[index, :end] = 1
        types[index, end - row.context : end] = 1
    return Batch(ids, mask, types)


def _window(text: str) -> tuple[str, int]:
    """The part of ``text`` worth reading, and where it starts."""
    skipped = len(text) - len(text.lstrip())
    return text[skipped : skipped + MOST_CHARACTERS], skipped


def _after_marks(text: str, end: int) -> int:
    """Where a word that ends at ``end`` ends with the accents that belong to its last letter."""
    while end < len(text) and unicodedata.category(text[end]).startswith("M"):
        end += 1
    return end
