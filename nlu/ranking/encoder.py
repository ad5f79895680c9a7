"""Texts to vectors, by an encoder's graph: one for each word piece, and one for the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nlu.session import Float32, Session
from nlu.tokenizer import Tokenizer, Tokens, pad

Int64 = npt.NDArray[np.int64]

GRAPH, TOKENIZER = "model.onnx", "tokenizer.json"
MOST_PADDED_TOKENS = 512  # of one run


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text as an encoder read it: the piece at each position and its vector.

    ``own`` are the positions that are the text's, not marks of the tokenizer around it.
    """

    ids: Int64  # (positions,)
    vectors: Float32  # (positions, hidden)
    own: slice

    def weighted(self, weights: Float32) -> Float32:
        """The sum of the vectors, each times its weight, scaled to length 1."""
        return unit((self.vectors * weights[:, None]).sum(0))


class TextEncoder:
    """Reads texts. Not to be used from two threads at once.

    Args:
        session: Of a graph whose tags are the vectors of the pieces themselves.
    """

    def __init__(self, session: Session, tokenizer: Tokenizer) -> None:
        self._session, self._tokenizer = session, tokenizer
        self._marks = len(tokenizer.encode("").ids)

    def pieces(self, texts: Sequence[str]) -> list[Pieces]:
        """What the encoder makes of each text, in order."""
        read: list[Pieces | None] = [None] * len(texts)
        tokens = [self._tokenizer.encode(text) for text in texts]
        for part in _batches(tokens):
            rows = [tokens[index] for index in part]
            outputs = self._session.run(pad(rows, pad_id=self._tokenizer.pad_id))
            for place, index in enumerate(part):
                ids = np.array(rows[place].ids, dtype=np.int64)
                vectors = outputs.tag_logits[place, : len(ids)]
                read[index] = Pieces(ids, vectors, self._own(rows[place]))
        return [each for each in read if each is not None]

    def sentences(self, texts: Sequence[str]) -> Float32:
        """A vector of length 1 for each text, (texts, hidden): the mean of its pieces."""
        tokens = [self._tokenizer.encode(text) for text in texts]
        vectors: list[Float32 | None] = [None] * len(texts)
        for part in _batches(tokens):
            rows = [tokens[index] for index in part]
            outputs = self._session.run(pad(rows, pad_id=self._tokenizer.pad_id))
            for place, index in enumerate(part):
                vectors[index] = outputs.sentence[place]
        return np.array(vectors, dtype=np.float32)

    def _own(self, tokens: Tokens) -> slice:
        before = tokens.firsts[0] if tokens.firsts else self._marks
        return slice(before, len(tokens.ids) - max(self._marks - before, 0))


def open_encoder(folder: Path, *, max_tokens: int) -> TextEncoder:
    """The encoder whose graph and tokenizer are in ``folder``. Raises BundleError."""
    tokenizer = Tokenizer((folder / TOKENIZER).read_bytes(), max_tokens=max_tokens)
    return TextEncoder(Session(folder / GRAPH), tokenizer)


def unit(vectors: Float32) -> Float32:
    """``vectors``, the last axis scaled to length 1; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)


def _batches(tokens: Sequence[Tokens]) -> list[list[int]]:
    """Texts of like length together, so that little is padded."""
    order = sorted(range(len(tokens)), key=lambda index: len(tokens[index].ids))
    batches: list[list[int]] = []
    for index in order:
        last = batches[-1] if batches else None
        if last is None or len(tokens[index].ids) * (len(last) + 1) > MOST_PADDED_TOKENS:
            batches.append([index])
        else:
            last.append(index)
    return batches
