"""What two models said of the same sentences, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np

from bot.project.project import ExampleEntity
from nlu.parse import Entity
from training.gate.paired import Floats, Ints, groups
from training.scope import OUTSIDE

Source = Literal["tests", "traffic"]
Span = tuple[int, int, str]


class Asked(msgspec.Struct, frozen=True):
    """A sentence both models are asked, and what is right.

    ``intent`` is None where nobody has said, and one of ``OUTSIDE`` where the bot is not for it;
    ``entities`` is None where nobody has marked any. ``conversation`` is empty for a sentence from
    nowhere, ``before`` is what the bot had said. A ``critical`` one may not be lost; a
    ``corrected`` one was learned by the candidate and not by the current model.
    """

    id: str
    text: str
    intent: str | None
    entities: tuple[ExampleEntity, ...] | None = None
    source: Source = "tests"
    conversation: str = ""
    before: str = ""
    critical: bool = False
    corrected: bool = False

    @property
    def is_outside(self) -> bool:
        """Whether the bot is not for this."""
        return is_outside(self.intent or "")


class Answer(msgspec.Struct, frozen=True):
    """What a model made of a sentence; ``ms`` is how long that took."""

    intent: str
    confidence: float
    entities: tuple[Entity, ...] = ()
    ms: float = 0.0

    @property
    def spans(self) -> set[Span]:
        """Start, end and name of each entity."""
        return {(each.start, each.end, each.entity) for each in self.entities}


@dataclass(frozen=True)
class Evidence:
    """Labelled sentences and the answers of both models, in one order.

    ``agreed`` sentences come on top: nobody has labelled them, but both models say the same, so
    that they cannot tell the two apart whatever is right (``training.gate.pool``).
    """

    asked: Sequence[Asked]
    current: Sequence[Answer]
    candidate: Sequence[Answer]
    agreed: Sequence[str] = ()  # the conversation of each

    @cached_property
    def before(self) -> Ints:
        """1 where the current model has the intent right: (sentences,)."""
        return _right(self.asked, self.current)

    @cached_property
    def after(self) -> Ints:
        """1 where the candidate has the intent right: (sentences,)."""
        return _right(self.asked, self.candidate)

    @property
    def gained(self) -> int:
        """Sentences that the candidate alone has right."""
        return int(((self.after == 1) & (self.before == 0)).sum())

    @property
    def lost(self) -> int:
        """Sentences that the current model alone has right."""
        return int(((self.after == 0) & (self.before == 1)).sum())

    @property
    def total(self) -> int:
        """All sentences, those agreed upon as well."""
        return len(self.asked) + len(self.agreed)

    @cached_property
    def group(self) -> Ints:
        """The number of the conversation of each, those agreed upon last: (total,)."""
        return groups([*(each.conversation for each in self.asked), *self.agreed])

    @cached_property
    def differences(self) -> Floats:
        """How much better the candidate did, and 1, for each: (total, 2)."""
        better = np.zeros(self.total)
        better[: len(self.asked)] = self.after - self.before
        return np.stack([better, np.ones(self.total)], axis=1)

    def of(self, chosen: Sequence[int]) -> Evidence:
        """The labelled sentences at these places alone."""
        return Evidence(
            [self.asked[at] for at in chosen],
            [self.current[at] for at in chosen],
            [self.candidate[at] for at in chosen],
        )


def is_outside(intent: str) -> bool:
    """Whether an intent's name says that the bot is not for what was said."""
    return intent.partition("/")[0] in OUTSIDE


def is_right(asked: Asked, answer: Answer) -> bool:
    """Whether the intent is right. What the bot is not for may be turned away under any name."""
    if asked.is_outside:
        return is_outside(answer.intent)
    return asked.intent == answer.intent


def counts(asked: Sequence[Asked], answers: Sequence[Answer]) -> Ints:
    """Entities found rightly, wrongly, and missed: (sentences, 3); 0 where none are known."""
    rows = []
    for each, said in zip(asked, answers, strict=True):
        if each.entities is None:
            rows.append((0, 0, 0))
            continue
        wanted = {(span.start, span.end, span.entity) for span in each.entities}
        found = said.spans
        rows.append((len(wanted & found), len(found - wanted), len(wanted - found)))
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _right(asked: Sequence[Asked], answers: Sequence[Answer]) -> Ints:
    pairs = zip(asked, answers, strict=True)
    return np.array([is_right(*pair) for pair in pairs], dtype=np.int64)
