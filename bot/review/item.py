"""A sentence that waits for a person's label, or has it.

One item is one user turn: whoever proposes it again adds a reason, not a second item. Its
``revision`` is raised by every change, in one line for all items: it tells two reviewers apart who
decide at once, and a reader of labels where it stopped.
"""

from __future__ import annotations

import uuid
from typing import Literal

import msgspec

from nlu.parse import Entity

State = Literal["open", "decided", "skipped", "erased"]
Label = Literal["intent", "new_intent", "out_of_scope"]
Kind = Literal["person", "weak"]
LOG = "log"  # the origin of what Parley itself logged; no import has that name
Share = Literal["random", "uncertain", "suspect", "asked"]


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the model said when it was asked; ``model`` is its version."""

    intent: str | None = None
    confidence: float = 0.0
    entities: tuple[Entity, ...] = ()
    model: str = ""


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an item is worth a look: the ``miner`` that found it, and how much it thinks so.

    ``score`` is between 0 and 1. ``note`` is for the reviewer; ``suggested`` an intent that may be
    right, one of the project or a new name.
    """

    miner: str
    score: float
    note: str = ""
    suggested: str | None = None


class Opinion(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody, or a weak source, says is right.

    ``intent`` is None where it is out of scope. ``reviewer`` is a person's name or, for a weak
    label, its source; ``weight`` is between 0 and 1, a person's is 1. ``at`` is in seconds since
    1970.
    """

    label: Label
    reviewer: str
    at: float
    intent: str | None = None
    entities: tuple[Entity, ...] = ()
    kind: Kind = "person"
    weight: float = 1.0
    note: str = ""

    @property
    def says(self) -> tuple[Label, str | None, tuple[tuple[str, int, int], ...]]:
        """Equal where two mean the same: which intent, and which entities stand where."""
        spans = sorted((one.entity, one.start, one.end) for one in self.entities)
        return self.label, self.intent, tuple(spans)


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was done with an item: ``at`` in seconds since 1970, ``what`` in a few words."""

    at: float
    who: str
    what: str


class ReviewItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A user's sentence and all that is known of its label.

    Attributes:
        conversation_id, seq: The user event in the log; ``""`` and 0 for a sentence of the
            project's own training data.
        origin: ``log``, the name of an importer, or the training data's file.
        text: As scrubbed, by the rules named in ``scrub``; empty once erased.
        before: The bot's words before it, scrubbed.
        at: When it was written, in seconds since 1970; 0 where nobody knows.
        labelled: The intent that the training data has for it; None from a log.
        share: Which part of the budget it was drawn from; ``random`` is the honest sample.
        priority: From 0 to 1: the higher comes first. None: the highest score of its reasons.
        group: The same for near-duplicates, empty where there are none.
        wanted: How many people are to agree.
        opinions: The latest of each person and of each weak source.
        decision: What the opinions come to; a weak one while no person has decided.
    """

    id: str
    text: str
    conversation_id: str = ""
    seq: int = 0
    origin: str = LOG
    scrub: str = ""
    before: str = ""
    at: float = 0.0
    labelled: str | None = None
    said: Said = Said()
    reasons: tuple[Reason, ...] = ()
    share: Share = "asked"
    priority: float | None = None
    group: str = ""
    state: State = "open"
    wanted: int = 1
    opinions: tuple[Opinion, ...] = ()
    decision: Opinion | None = None
    history: tuple[Step, ...] = ()
    created_at: float = 0.0
    revision: int = 0

    @property
    def urgency(self) -> float:
        """How early it is asked, from 0 to 1."""
        if self.priority is not None:
            return self.priority
        return max((reason.score for reason in self.reasons), default=0.0)

    @property
    def is_disputed(self) -> bool:
        """Whether people contradict each other and nobody has settled it."""
        said = {one.says for one in self.opinions if one.kind == "person"}
        return self.state == "open" and len(said) > 1


def new_id() -> str:
    """An id that tells nothing of what it is for."""
    return uuid.uuid4().hex
