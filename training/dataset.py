"""Examples become rows of token ids with an intent and a tag per word; rows become batches."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bot.errors import ProjectError
from bot.project.hashes import WEIGHT
from bot.project.project import Example, ExampleEntity
from nlu.manifest import EntityLabel
from nlu.several import Several
from nlu.tokenizer import Tokenizer, Tokens
from training.context import first_context
from training.lesson import UNTOLD as UNSAID
from training.lesson import Float32, Lesson
from training.multi_label import is_name, several_of
from training.sentiment import UNTOLD, sentiment_of, sentiments_of

IGNORED = -100  # what cross_entropy passes over: padding, special tokens, a word's later pieces


@dataclass(frozen=True, slots=True)
class Labels:
    """The names behind the columns of the model's outputs, in the manifest's order.

    ``intents`` are those of the examples. Where they are combinations of intents, ``several`` says
    of which, and those are the ``columns``. ``sentiments`` are none, or two at least.
    """

    intents: tuple[str, ...]
    entities: tuple[EntityLabel, ...]
    several: Several | None = None
    sentiments: tuple[str, ...] = ()

    @classmethod
    def of(cls, examples: Sequence[Example], split: str = "") -> Labels:
        """Every intent and kind of entity in ``examples``, sorted.

        ``split`` stands between the intents of a label that has several.
        """
        kinds = {(e.entity, e.role, e.group) for example in examples for e in example.entities}
        ordered = sorted(kinds, key=lambda kind: tuple(part or "" for part in kind))
        return cls(
            intents=tuple(sorted({example.intent for example in examples})),
            entities=tuple(EntityLabel(*kind) for kind in ordered),
            several=several_of((example.intent for example in examples), split),
            sentiments=sentiments_of(examples),
        )

    def know(self, example: Example) -> bool:
        """Whether all that ``example`` is labelled with is among them."""
        kinds = {EntityLabel(e.entity, e.role, e.group) for e in example.entities}
        return example.intent in self.intents and kinds <= set(self.entities)

    @property
    def columns(self) -> tuple[str, ...]:
        """The intents that the columns of ``intent_logits`` stand for."""
        return self.several.intents if self.several else self.intents

    @property
    def tags(self) -> int:
        """How many tags there are: O, and a B- and an I- for each kind of entity."""
        return 1 + 2 * len(self.entities)


@dataclass(frozen=True, slots=True)
class Row:
    """An example as the model reads it; ``tags`` is one per token. The last ``context`` of the
    tokens are of what went before it. ``weight`` is how much its intent counts, from 0 to 1.
    ``sentiment`` is its column, or UNTOLD. ``lesson`` is what a teacher says of it."""

    ids: Sequence[int]
    intent: int
    tags: list[int]
    context: int = 0
    weight: float = 1.0
    sentiment: int = UNTOLD
    lesson: Lesson | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows padded to the longest. The last two are a teacher's, below 0 where it says nothing."""

    ids: torch.Tensor  # (B, T)
    mask: torch.Tensor  # (B, T), 1 where there is a token
    types: torch.Tensor  # (B, T), 1 where it is of the context
    intents: torch.Tensor  # (B,)
    tags: torch.Tensor  # (B, T)
    weights: torch.Tensor  # (B,), of the intents
    sentiments: torch.Tensor  # (B,)
    soft_intents: torch.Tensor | None = None  # (B, columns)
    soft_tags: torch.Tensor | None = None  # (B, T, tags)

    def to(self, device: torch.device) -> Batch:
        """The same batch on ``device``."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        there = {name: part.to(device) for name, part in parts.items() if part is not None}
        return Batch(**there)


class Encoder:
    """Turns examples into rows, reading them as the server will, each in its first context."""

    def __init__(self, tokenizer: Tokenizer, labels: Labels) -> None:
        self._tokenizer = tokenizer
        self._intents = {name: column for column, name in enumerate(labels.intents)}
        self._sentiments = {name: column for column, name in enumerate(labels.sentiments)}
        self._begins = {label: 2 * i + 1 for i, label in enumerate(labels.entities)}

    def rows(self, examples: Iterable[Example]) -> list[Row]:
        """The rows of each, in order: one, or as many as a text that is too long has windows."""
        return [row for example in examples for row in self.windows(example)]

    def windows(self, example: Example) -> list[Row]:
        """The rows of ``example``."""
        read = self._tokenizer.windows(example.text, first_context(example))
        return [self._row(example, tokens) for tokens in read]

    def first(self, example: Example) -> Row:
        """The row with which ``example`` begins."""
        return self._row(example, self._tokenizer.encode(example.text, first_context(example)))

    def _row(self, example: Example, tokens: Tokens) -> Row:
        tags = [IGNORED] * len(tokens.ids)
        row = Row(
            tokens.ids,
            self._intents[example.intent],
            tags,
            tokens.context,
            weight_of(example),
            self._sentiments.get(sentiment_of(example) or "", UNTOLD),
        )
        # "date" in a name says nothing of "date" in a sentence; and who only guessed at an intent
        # has not looked for entities.
        if is_name(example) or (row.weight < 1 and not example.entities):
            return row
        before: ExampleEntity | None = None
        for first, (start, end) in zip(tokens.firsts, tokens.words, strict=True):
            entity = next((e for e in example.entities if e.start < end and start < e.end), None)
            tags[first] = 0 if entity is None else self._begin(entity) + (entity is before)
            before = entity
        return row

    def _begin(self, entity: ExampleEntity) -> int:
        return self._begins[EntityLabel(entity.entity, entity.role, entity.group)]


def weight_of(example: Example) -> float:
    """How much an example's intent counts: ``parley_weight`` of its metadata, else 1.

    Raises ProjectError for what is no number between 0 and 1.
    """
    weight = example.metadata.get(WEIGHT, 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 1:
        raise ProjectError(
            f"{WEIGHT} is {weight!r}.",
            file=example.file,
            line=example.line or None,
            suggestion="Give a number above 0 and at most 1.",
        )
    return float(weight)


def batches(rows: Sequence[Row], size: int, pad_id: int, rng: random.Random) -> Iterator[Batch]:
    """The rows in random order, those of a batch of about one length."""
    order = list(range(len(rows)))
    rng.shuffle(order)
    pool = size * 16  # long enough for even lengths, short enough to keep batches random
    groups: list[list[int]] = []
    for begin in range(0, len(order), pool):
        pooled = sorted(order[begin : begin + pool], key=lambda i: len(rows[i].ids))
        groups += [pooled[i : i + size] for i in range(0, len(pooled), size)]
    rng.shuffle(groups)
    for group in groups:
        yield collate([rows[i] for i in group], pad_id)


def collate(rows: Sequence[Row], pad_id: int) -> Batch:
    """The rows as one batch."""
    longest = max(len(row.ids) for row in rows)
    return Batch(
        ids=torch.tensor([[*row.ids] + [pad_id] * (longest - len(row.ids)) for row in rows]),
        mask=torch.tensor([[1] * len(r.ids) + [0] * (longest - len(r.ids)) for r in rows]),
        types=torch.tensor(
            [
                [0] * (len(r.ids) - r.context) + [1] * r.context + [0] * (longest - len(r.ids))
                for r in rows
            ]
        ),
        intents=torch.tensor([row.intent for row in rows]),
        tags=torch.tensor([row.tags + [IGNORED] * (longest - len(row.tags)) for row in rows]),
        weights=torch.tensor([row.weight for row in rows]),
        sentiments=torch.tensor([row.sentiment for row in rows]),
        soft_intents=_soft_intents(rows),
        soft_tags=_soft_tags(rows, longest),
    )


def _soft_intents(rows: Sequence[Row]) -> torch.Tensor | None:
    taught = [row.lesson.intents for row in rows if row.lesson]
    if not taught:
        return None
    soft = np.full((len(rows), len(taught[0])), UNSAID, dtype=np.float32)
    for row, said in zip(rows, soft, strict=True):
        if row.lesson:
            said[:] = row.lesson.intents
    return torch.from_numpy(soft)


def _soft_tags(rows: Sequence[Row], longest: int) -> torch.Tensor | None:
    taught: list[tuple[int, list[int], Float32]] = []
    for number, row in enumerate(rows):
        places = [place for place, tag in enumerate(row.tags) if tag != IGNORED]
        if places and row.lesson and row.lesson.tags is not None:
            taught.append((number, places, row.lesson.tags))
    if not taught:
        return None
    soft = np.full((len(rows), longest, taught[0][2].shape[1]), UNSAID, dtype=np.float32)
    for number, places, said in taught:
        soft[number, places] = said
    return torch.from_numpy(soft)
