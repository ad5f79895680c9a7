"""A version of the data from the project's files and what people decided."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from bot.project.hashes import CONTEXT, WEIGHT
from bot.project.project import Example, ExampleEntity, Project
from bot.review.decide import Names
from bot.review.desk import names_of
from bot.review.item import Opinion, ReviewItem
from training.dedupe import normalised
from training.scope import OUTSIDE, outside_intent
from training.versions.dataset import Dataset, LeftOut, Part, Row, Tables, version_of
from training.versions.splitting import By, Split, by_time, subject_of, without_twins

MOST_WEAK = 0.5  # what a label that no person gave counts at most


def make_dataset(
    project: Project,
    items: Sequence[ReviewItem],
    *,
    now: datetime,
    parent: Dataset | None = None,
    revision: int = 0,
    split: By = "conversation",
) -> Dataset:
    """The version of ``project``'s examples and the decided ``items``.

    A conversation is learned from or judged by as a whole. Of what it is judged by, twins of what
    is learned count as neither.

    Args:
        parent: The version before; rows that are the same are taken over from it.
        split: A fifth of the conversations judges, the same in every version, or the newest.
    """
    names = names_of(project.domain)
    known = names.labels | {each.intent for each in project.nlu.examples}
    parts = Split()
    if split == "time":
        parts = by_time(_told(items), now=now.timestamp(), least=parent.cut if parent else 0.0)
    taken = _Taken(names, known, outside_intent(sorted(known)), parts)
    newest_first = sorted(items, key=lambda item: (-_decided_at(item), item.id))
    decided = taken.rows(newest_first)
    corrected = {(normalised(item.text), item.labelled) for item in items if item.labelled}
    own = [
        _of_project(each)
        for each in project.nlu.examples
        if (normalised(each.text), each.intent) not in corrected
    ]
    rest = [row for row in decided if row.part != "test"]
    learned = [*own, *(row for row in rest if row.part == "train")]
    rows = [*own, *rest, *without_twins(learned, [row for row in decided if row.part == "test"])]
    rows = sorted(_salted(rows, parent), key=lambda row: (row.origin, row.text, row.intent))
    tables = Tables.of(project.nlu)
    return Dataset(
        version=version_of(rows, tables),
        created=now.isoformat(timespec="milliseconds"),
        rows=tuple(rows),
        tables=tables,
        parent=parent.version if parent else "",
        project=project.config.assistant_id or "",
        revision=revision,
        left_out=tuple(taken.left_out),
        cut=parts.cut or 0.0,
    )


def _told(items: Iterable[ReviewItem]) -> list[ReviewItem]:
    """Those that have a label and still their words."""
    return [item for item in items if item.decision and item.state != "erased" and item.text]


Words = tuple[str, str]  # what was said, and what the bot had said before


@dataclass(frozen=True, slots=True)
class _Label:
    """What ``item`` is by its decision, and whether it is learned from or judges."""

    item: ReviewItem
    decision: Opinion
    intent: str
    part: Part

    @property
    def words(self) -> Words:
        return normalised(self.item.text) or self.item.text, self.item.before


@dataclass
class _Taken:
    """Turns items into rows; remembers which it did not take, and why."""

    names: Names
    known: frozenset[str]
    outside: str
    parts: Split
    left_out: list[LeftOut] = field(default_factory=list)

    def rows(self, newest_first: Iterable[ReviewItem]) -> list[Row]:
        """The rows of the items that have one."""
        labels = [label for item in newest_first if (label := self._label(item)) is not None]
        usual = _usual(labels)
        found = []
        for label in labels:
            meant = usual[label.words]
            if label.intent == meant:
                found.append(_row(label))
            else:
                self._leave(label.item, f"the same words are {meant} by more or newer decisions")
        return found

    def _label(self, item: ReviewItem) -> _Label | None:
        decision = item.decision
        if decision is None or item.state == "erased" or not item.text.strip():
            return None
        part = self.parts.part(
            subject_of(item.conversation_id), item.at, judges=decision.kind == "person"
        )
        intent, why_not = self._intent(decision, part)
        if why_not:
            self._leave(item, why_not)
            return None
        return _Label(item, decision, intent, part)

    def _leave(self, item: ReviewItem, why: str) -> None:
        self.left_out.append(LeftOut(item.id, why))

    def _intent(self, decision: Opinion, part: Part) -> tuple[str, str]:
        """The intent, or why there is none."""
        if decision.label == "out_of_scope":
            if self.outside or part == "test":
                return self.outside or OUTSIDE[0], ""
            return "", f"it is out of scope, and the project has no intent {OUTSIDE[0]} to learn"
        if decision.intent in self.known:
            return str(decision.intent), ""
        if decision.label == "new_intent":
            return "", f"{decision.intent} is not in the domain yet: add it, with examples"
        if self.names.answers_of(str(decision.intent)):
            return "", f"{decision.intent} has several answers, and the label does not say which"
        return "", f"the project has no intent {decision.intent} any more"


def _usual(newest_first: Iterable[_Label]) -> dict[Words, str]:
    """What the same words are by most people; where as many say one thing as another, the newest.

    Guesses count where no person said anything. One label of a wording is a draw where what went
    before decides what it means; the model, which reads the words, does best with what they
    usually mean.
    """
    votes: dict[Words, dict[str, tuple[int, float]]] = {}
    for label in newest_first:
        of_words = votes.setdefault(label.words, {})
        people, guesses = of_words.get(label.intent, (0, 0.0))
        person = label.decision.kind == "person"
        guess = 0.0 if person else label.decision.weight
        of_words[label.intent] = people + person, guesses + guess
    return {words: max(counts, key=counts.__getitem__) for words, counts in votes.items()}


def _row(label: _Label) -> Row:
    item, decision = label.item, label.decision
    return Row(
        text=item.text,
        intent=label.intent,
        entities=_entities(decision),
        origin=f"review:{item.id}",
        part=label.part,
        subject=subject_of(item.conversation_id),
        before=item.before,
        by=decision.kind,
        reviewer=decision.reviewer,
        weight=1.0 if decision.kind == "person" else min(decision.weight, MOST_WEAK),
        scrub=item.scrub,
        at=item.at,
    )


def _salted(rows: Sequence[Row], parent: Dataset | None) -> list[Row]:
    """``rows`` with a salt in those that a user wrote: the parent's where it has the same row."""
    before: Mapping[Row, str] = {}
    if parent:
        before = {_bare(row): row.salt for row in parent.rows if row.salt}
    return [
        msgspec.structs.replace(row, salt=before.get(row) or secrets.token_hex(16))
        if row.subject
        else row
        for row in rows
    ]


def _bare(row: Row) -> Row:
    return msgspec.structs.replace(row, salt="")


def _of_project(example: Example) -> Row:
    weight = example.metadata.get(WEIGHT, 1.0)
    return Row(
        text=example.text,
        intent=example.intent,
        entities=example.entities,
        origin=example.file or "project",
        context=example.metadata.get(CONTEXT),
        weight=float(weight) if isinstance(weight, int | float) else 1.0,
    )


def _entities(decision: Opinion) -> tuple[ExampleEntity, ...]:
    return tuple(
        ExampleEntity(each.start, each.end, each.entity, str(each.value), each.role, each.group)
        for each in decision.entities
    )


def _decided_at(item: ReviewItem) -> float:
    return item.decision.at if item.decision else 0.0
