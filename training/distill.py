"""Distillation: a student learns what a teacher says of its sentences beside their labels.

Hinton and others 2015, Distilling the knowledge in a neural network, arXiv 1503.02531.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div, log_softmax

from bot.errors import SettingsError
from bot.project.project import Example
from nlu.decode import softmax
from nlu.manifest import EntityLabel
from nlu.model import Model, Reading, Scores
from nlu.several import Several
from nlu.tokenizer import Tokenizer, Tokens
from training.context import first_context
from training.dataset import IGNORED, Labels, Row
from training.lesson import UNTOLD, Float32, Lesson
from training.recipe import Recipe

AT_ONCE = 16  # texts that a teacher reads
NEVER = -1e4  # a logit: exp gives 0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Teacher:
    """A model that has learnt already, and the names of its columns, as in ``nlu.manifest``.

    ``several`` tells whether each of its intents is in a message or not by itself.
    """

    name: str
    model: Model
    intents: tuple[str, ...]
    labels: tuple[EntityLabel, ...]
    several: bool = False

    def scores(self, examples: Sequence[Example]) -> Iterator[tuple[int, Scores]]:
        """What it says of each of ``examples``, by their number; those of a length together."""
        order = sorted(range(len(examples)), key=lambda number: len(examples[number].text))
        for begin in range(0, len(order), AT_ONCE):
            some = order[begin : begin + AT_ONCE]
            readings = [
                Reading(examples[n].text, self.model.tokenizer, first_context(examples[n]))
                for n in some
            ]
            yield from zip(some, self.model.read(readings), strict=True)

    def intent_of_each(
        self, examples: Sequence[Example], *, several: Several | None = None
    ) -> list[str]:
        """The likeliest of each of ``examples``; where they may have ``several``, which."""
        found = [""] * len(examples)
        for number, scores in self.scores(examples):
            if several:
                found[number] = several.ranking(scores.intents, most=1)[0].name or ""
            else:
                found[number] = self.intents[int(scores.intents.argmax())]
        return found


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a teacher says of each window of each example."""

    windows: Sequence[Sequence[Lesson]]

    @classmethod
    def of(
        cls,
        teacher: Teacher,
        examples: Sequence[Example],
        labels: Labels,
        tokenizer: Tokenizer,
        recipe: Recipe,
        *,
        report: Callable[[str], None] = lambda line: None,
    ) -> Lessons:
        """Ask ``teacher`` about ``examples``, whose ``labels`` and ``tokenizer`` are the student's.

        What it has no name for is told and left out: the student learns that from labels alone.

        Raises:
            SettingsError: It knows no two of the intents, or tells one where there are several.
        """
        shared = _Shared.of(teacher, labels, recipe.teacher_temperature)
        for line in shared.told(teacher, labels):
            report(line)
        found: list[list[Lesson]] = [[] for _ in examples]
        for number, scores in teacher.scores(examples):
            example = examples[number]
            windows = tokenizer.windows(example.text, first_context(example))
            found[number] = [shared.lesson(example.intent, scores, each) for each in windows]
        return cls(found)

    def given(self, number: int, rows: Sequence[Row], plain: Sequence[Row]) -> list[Row]:
        """``rows`` of example ``number`` with its lessons; ``plain`` are those of the example as it
        is written. Where another value changed the words' tags, words are taught by labels."""
        return [
            replace(row, lesson=lesson if _words(row) == _words(old) else Lesson(lesson.intents))
            for row, old, lesson in zip(rows, plain, self.windows[number], strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Shared:
    """Columns of the student, each with that of the teacher that means the same."""

    intents: tuple[tuple[int, int], ...]
    tags: tuple[tuple[int, int], ...]
    names: frozenset[str]
    columns: int
    tag_columns: int
    temperature: float
    several: bool

    @classmethod
    def of(cls, teacher: Teacher, labels: Labels, temperature: float) -> _Shared:
        several = labels.several is not None
        if teacher.several != several and len(labels.columns) > 1:
            theirs, ours = ("several intents", "one") if teacher.several else ("one", "several")
            raise SettingsError(
                f"teacher {teacher.name!r} finds {theirs} in a message, these examples have {ours}."
            )
        intents = _pairs(labels.columns, teacher.intents)
        if len(intents) < min(2, len(labels.columns)):
            known = ", ".join(teacher.intents[:8])
            raise SettingsError(
                f"teacher {teacher.name!r} knows {len(intents)} of the {len(labels.columns)} "
                f"intents; two at least are needed. It knows {known}."
            )
        kinds = _pairs(labels.entities, teacher.labels)
        tags = [(2 * ours + side, 2 * theirs + side) for ours, theirs in kinds for side in (1, 2)]
        names = frozenset(labels.columns[ours] for ours, _ in intents)
        return cls(
            tuple(intents), ((0, 0), *tags), names, len(labels.columns), labels.tags,
            temperature, several,
        )  # fmt: skip

    def told(self, teacher: Teacher, labels: Labels) -> Iterator[str]:
        """What the student learns, and what it does not learn from ``teacher``."""
        kinds = (len(self.tags) - 1) // 2
        yield f"taught by {teacher.name}: {len(self.names)} intents, {kinds} kinds of entities"
        for what, ours, theirs in (
            ("intents", labels.columns, set(teacher.intents)),
            ("entities", [*map(_named, labels.entities)], {*map(_named, teacher.labels)}),
        ):
            if missing := sorted(set(ours) - theirs):
                named = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
                yield f"the teacher does not know {len(missing)} of the {what}: {named}"

    def lesson(self, intent: str, scores: Scores, window: Tokens) -> Lesson:
        """Of a window of a text, from the ``scores`` of the text."""
        intents = np.full(self.columns, UNTOLD, dtype=np.float32)
        if self.several or intent in self.names:
            ours, theirs = (list(part) for part in zip(*self.intents, strict=True))
            logits = scores.intents[theirs] / self.temperature
            intents[ours] = 1 / (1 + np.exp(-logits)) if self.several else softmax(logits)
        return Lesson(intents, self._tags(scores, window) if len(self.tags) > 1 else None)

    def _tags(self, scores: Scores, window: Tokens) -> Float32:
        """(words, tags); UNTOLD of a word that is none to the teacher, who may cut otherwise."""
        ours, theirs = (list(part) for part in zip(*self.tags, strict=True))
        known = {word: row for row, word in enumerate(scores.words)}
        said = np.full((len(window.words), self.tag_columns), UNTOLD, dtype=np.float32)
        for place, word in enumerate(window.words):
            if word in known:
                said[place, ours] = softmax(scores.tags[known[word]][theirs] / self.temperature)
        return said


def _pairs(ours: Sequence[T], theirs: Sequence[T]) -> list[tuple[int, int]]:
    places = {name: column for column, name in enumerate(theirs)}
    return [(column, places[name]) for column, name in enumerate(ours) if name in places]


def _named(label: EntityLabel) -> str:
    return " ".join(part for part in (label.entity, label.role, label.group) if part)


def _words(row: Row) -> list[int]:
    return [tag for tag in row.tags if tag != IGNORED]


def taught_intents(
    hard: torch.Tensor,
    logits: torch.Tensor,
    soft: torch.Tensor,
    recipe: Recipe,
    *,
    several: bool,
) -> torch.Tensor:
    """``hard``, the losses of (B,) labels, mixed with how far ``logits`` are from ``soft``, both
    (B, columns); rows of which nothing is said keep their loss."""
    apart = each_apart if several else apart_from
    taught = (soft >= 0).any(-1).float()
    return _mixed(hard, apart(logits, soft, recipe.teacher_temperature), taught, recipe)


def taught_tags(
    hard: torch.Tensor,
    logits: torch.Tensor,
    tags: torch.Tensor,
    soft: torch.Tensor,
    recipe: Recipe,
) -> torch.Tensor:
    """``hard``, the mean loss of a batch's words, mixed with the mean of those that are taught.

    Args:
        logits: (B, T, tags), each word's by itself, whatever the one before it is.
        tags: (B, T), the labels; a word whose own label the teacher does not know is left out.
        soft: (B, T, tags).
    """
    words = tags != IGNORED
    known = soft.gather(-1, tags.clamp(min=0)[..., None])[..., 0] >= 0
    taught = words & known
    count = taught.sum()
    losses = apart_from(logits, soft, recipe.teacher_temperature)
    mean = (losses * taught).sum() / count.clamp(min=1)
    return _mixed(hard, mean, count / words.sum().clamp(min=1), recipe)


def _mixed(
    hard: torch.Tensor, soft: torch.Tensor, taught: torch.Tensor, recipe: Recipe
) -> torch.Tensor:
    """Gradients of softened logits shrink by the square of the temperature, hence the factor."""
    share = recipe.teacher_weight * taught
    return (1 - share) * hard + share * recipe.teacher_temperature**2 * soft


def apart_from(logits: torch.Tensor, soft: torch.Tensor, temperature: float) -> torch.Tensor:
    """Kullback-Leibler divergence of softened ``logits`` from ``soft``, among the columns that are
    told; 0 where none is. (..., columns) to (...)."""
    told = soft >= 0
    said = log_softmax((logits / temperature).masked_fill(~told, NEVER), dim=-1)
    return kl_div(said, soft.clamp(min=0), reduction="none").sum(-1)


def each_apart(logits: torch.Tensor, soft: torch.Tensor, temperature: float) -> torch.Tensor:
    """The same where each column is true or not by itself."""
    wanted = soft.clamp(min=0)
    losses = binary_cross_entropy_with_logits(logits / temperature, wanted, reduction="none")
    least = -(torch.xlogy(wanted, wanted) + torch.xlogy(1 - wanted, 1 - wanted))
    return ((losses - least) * (soft >= 0)).sum(-1)
