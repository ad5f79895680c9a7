"""What every log is read by: parts of it, each turned into scrubbed turns wherever it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from bot.review.scrubbing import Rules
from bot.review.turn import BadRow, Turn
from bot.store.shelf import Cursor, Harvest

MOST_TURNS = 1000  # of one harvest, so that memory is bounded


class Part(Protocol):
    """A part of a log that can be read by itself; can be sent to another process."""

    def harvests(self) -> Iterator[Harvest]:
        """What is in it, in pieces to be committed one after another."""
        ...


@dataclass(slots=True)
class Basket:
    """Gathers a harvest until it is large enough."""

    origin: str
    rules: Rules
    _turns: list[Turn] = field(default_factory=list)
    _bad: list[BadRow] = field(default_factory=list)
    _cursors: list[Cursor] = field(default_factory=list)
    _renewed: list[tuple[str, int | None]] = field(default_factory=list)
    _begun: list[str] = field(default_factory=list)
    _events: int = 0

    def turn(self, turn: Turn | None) -> None:
        """Put ``turn`` in, scrubbed."""
        if turn is not None:
            self._turns.append(self.rules.clean(turn))

    def bad(self, line: int, why: str, conversation_id: str = "") -> None:
        self._bad.append(BadRow(self.origin, line, why, conversation_id))

    def cursor(self, cursor: Cursor) -> None:
        self._cursors.append(cursor)

    def renew(self, conversation_id: str, *, since: int | None = None) -> None:
        """What the shelf has of the conversation, from the event ``since`` on, is replaced."""
        self._renewed.append((conversation_id, since))

    def begin(self, conversation_id: str) -> None:
        """The conversation begins anew, behind what the shelf has of it."""
        self._begun.append(conversation_id)

    def event(self) -> None:
        """One more event was read."""
        self._events += 1

    @property
    def is_full(self) -> bool:
        return len(self._turns) + len(self._bad) >= MOST_TURNS

    def emptied(self) -> Harvest:
        """What was gathered; nothing is left."""
        harvest = Harvest(
            self.origin,
            self._turns,
            self._bad,
            self._cursors,
            self._renewed,
            self._begun,
            self._events,
        )
        self._turns, self._bad, self._cursors = [], [], []
        self._renewed, self._begun, self._events = [], [], 0
        return harvest
