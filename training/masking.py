"""Texts as token ids, and whole words of them hidden, for an encoder to guess.

Whole-word masking (Devlin and others, 2019, BERT's later models): of a word that is chosen every
piece is hidden, so that none gives away the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from nlu.tokenizer import Tokenizer
from training.dataset import IGNORED

MASKED, RANDOM = 0.8, 0.1  # of the words to guess; the rest stays as it is (BERT, section 3.1)

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """A text, or a window of a long one. ``words`` numbers each token's word, special ones -1."""

    ids: Int64
    words: Int64


@dataclass(frozen=True, slots=True)
class Masked:
    """Rows padded to the longest, all of shape (B, T)."""

    ids: torch.Tensor  # with words hidden
    mask: torch.Tensor  # 1 where there is a token
    labels: torch.Tensor  # what was hidden, IGNORED elsewhere


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What masking has to know of a tokenizer."""

    mask_id: int
    pad_id: int
    special: tuple[int, ...]
    size: int


def rows_of(texts: Iterable[str], tokenizer: Tokenizer, vocabulary: Vocabulary) -> list[Row]:
    """The rows of ``texts``; one longer than the tokenizer's windows gives several."""
    rows = []
    for text in texts:
        for tokens in tokenizer.windows(text):
            if not tokens.firsts:  # nothing that a vocabulary knows
                continue
            ids = np.asarray(tokens.ids, dtype=np.int64)
            words = np.zeros(len(ids), dtype=np.int64)
            words[tokens.firsts] = 1
            words = np.cumsum(words) - 1
            words[np.isin(ids, vocabulary.special)] = -1
            rows.append(Row(ids, words))
    return rows


def batches(
    rows: Sequence[Row], size: int, *, seed: int, epoch: int, vocabulary: Vocabulary, share: float
) -> Iterator[Masked]:
    """The rows in random order, those of a batch of about one length.

    A batch depends on the numbers alone, not on the batches before it.
    """
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(rows))
    pool = size * 64
    groups = []
    for begin in range(0, len(order), pool):
        pooled = sorted(order[begin : begin + pool].tolist(), key=lambda i: len(rows[i].ids))
        groups += [pooled[i : i + size] for i in range(0, len(pooled), size)]
    for number in rng.permutation(len(groups)).tolist():
        drawn = np.random.default_rng((seed, epoch, number))
        yield collate([rows[i] for i in groups[number]], vocabulary, share, drawn)


def collate(
    rows: Sequence[Row], vocabulary: Vocabulary, share: float, rng: np.random.Generator
) -> Masked:
    """One batch of ``rows`` with words hidden."""
    shape = len(rows), max(len(row.ids) for row in rows)
    hidden, mask = np.full(shape, vocabulary.pad_id), np.zeros(shape, dtype=np.int64)
    labels = np.full(shape, IGNORED)
    for index, row in enumerate(rows):
        ids, guess = hide(row, vocabulary, share, rng)
        hidden[index, : len(ids)], labels[index, : len(ids)] = ids, guess
        mask[index, : len(ids)] = 1
    return Masked(*(torch.from_numpy(array) for array in (hidden, mask, labels)))


def hide(
    row: Row, vocabulary: Vocabulary, share: float, rng: np.random.Generator
) -> tuple[Int64, Int64]:
    """The ids of ``row`` with about ``share`` of them hidden, a word at least; and what was there,
    IGNORED elsewhere."""
    real = row.words >= 0
    names, sizes = np.unique(row.words[real], return_counts=True)
    order = rng.permutation(len(names))
    wanted = max(1.0, share * int(real.sum()))
    taken = np.cumsum(sizes[order]) <= max(wanted, sizes[order[0]])
    chosen = np.isin(row.words, names[order[taken]])
    fates = rng.random(len(names))
    fate = np.where(real, fates[np.searchsorted(names, row.words)], 1.0)
    ids = row.ids.copy()
    ids[chosen & (fate < MASKED)] = vocabulary.mask_id
    other = chosen & (fate >= MASKED) & (fate < MASKED + RANDOM)
    ids[other] = rng.integers(0, vocabulary.size, int(other.sum()))
    return ids, np.where(chosen, row.ids, IGNORED)
