"""Text to what a model reads, and back to places in the text.

Every position counts Unicode code points of the text as it was handed in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer as Pieces

from nlu.context import ContextPieces
from nlu.errors import BundleError
from nlu.parse import NO_CONTEXT, Context

Int64 = npt.NDArray[np.int64]

MOST_CHARACTERS = 4096
"""Of a longer text the rest is not looked at: nobody needs it to be understood, and the time to
answer stays bounded."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as the model reads it. ``words`` start and end in the text; word ``i`` begins at
    position ``firsts[i]`` of ``ids``. The last ``context`` of the ids are of what went before."""

    ids: Sequence[int]
    firsts: Sequence[int]
    words: tuple[tuple[int, int], ...]
    context: int = 0


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
        self._pieces.enable_truncation(max_tokens)
        self._pieces.encode_special_tokens = True  # a typed "[SEP]" is text, not a separator
        self.pad_id = self._pieces.token_to_id("[PAD]") or 0
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

    def encode(self, text: str, context: Context = NO_CONTEXT) -> Tokens:
        """The pieces of ``text``, then those of ``context`` as far as it is read."""
        window, skipped = _window(readable(text))
        encoding = self._pieces.encode(window)
        firsts: list[int] = []
        spans: list[tuple[int, int]] = []
        last = None
        for position, (word, (start, end)) in enumerate(
            zip(encoding.word_ids, encoding.offsets, strict=True)
        ):
            if word is None:  # a special token
                continue
            if word == last:
                spans[-1] = (spans[-1][0], end)
            else:
                firsts.append(position)
                spans.append((start, end))
            last = word
        ends = (_after_marks(window, end) for _, end in spans)
        words = tuple((s + skipped, e + skipped) for (s, _), e in zip(spans, ends, strict=True))
        before = self._context.ids(context) if self._context else []
        return Tokens(encoding.ids + before, firsts, words, len(before))


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
