"""Which columns hold what people wrote, and what binds each text to the row it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, func, select

from bot.store.prepared import execute
from bot.store.sealing import Locked, Part, Seal, seal_of
from bot.store.tables import event, handoff, inbox, outbox, reminder, review, unpublished


@dataclass(frozen=True, slots=True)
class Column:
    """A column of texts; ``kind`` and the columns ``where`` name its row to the seal.

    ``before`` are the columns that named it so in an earlier version, when they did not tell every
    row from every other: what was stored then is opened too, until it is closed anew.
    """

    table: Table
    name: str
    kind: str
    where: tuple[str, ...]
    before: tuple[str, ...] = ()

    def opened(self, seal: Seal, row: Mapping[Any, Any]) -> str:
        """The text in ``row``. Raises Locked."""
        text = row[self.name]
        try:
            return seal.open(text, *self._place(row, self.where))
        except Locked:
            if self.before:
                with suppress(Locked):
                    return seal.open(text, *self._place(row, self.before))
            raise

    def closed(self, seal: Seal, text: str, row: Mapping[Any, Any]) -> str:
        """``text`` as it is stored in ``row``."""
        return seal.close(text, *self._place(row, self.where))

    def told(self, seal: Seal, words: str, row: Mapping[Any, Any]) -> str | None:
        """Plain words as they are stored in ``row``: as JSON, which is never taken for a sealed
        text; none are NULL."""
        return self.closed(seal, msgspec.json.encode(words).decode(), row) if words else None

    def heard(self, seal: Seal, row: Mapping[Any, Any]) -> str:
        """The words that ``told`` stored in ``row``, or a server of an earlier version beside this
        one, which stores them as they are. Raises Locked."""
        if row[self.name] is None:
            return ""
        text = self.opened(seal, row)
        try:
            return msgspec.json.decode(text, type=str)
        except msgspec.DecodeError:
            return text

    def is_bound(self, seal: Seal, row: Mapping[Any, Any]) -> bool:
        """Whether the text, which is encrypted, opens in this row and in no other."""
        try:
            seal.open(row[self.name], *self._place(row, self.where))
        except Locked:
            return False
        return True

    def _place(self, row: Mapping[Any, Any], names: tuple[str, ...]) -> tuple[Part, ...]:
        return (self.kind, *(row[name] for name in names))


# Bound to the row's id, by which they are ordered: one message may have many replies.
REPLY = Column(
    outbox,
    "reply",
    "outbox",
    ("conversation_id", "inbox_id", "id"),
    ("conversation_id", "inbox_id"),
)
ERROR = Column(outbox, "error", "outbox error", ("id",))
ASIDE = Column(
    unpublished, "events", "unpublished", ("conversation_id", "id"), ("conversation_id",)
)
REASON = Column(handoff, "reason", "handoff", ("conversation_id",))
COLUMNS = (
    Column(event, "event", "event", ("conversation_id", "seq")),
    Column(inbox, "message", "inbox", ("conversation_id", "position")),
    Column(inbox, "digest", "digest", ("conversation_id", "position")),
    REPLY,
    ERROR,
    Column(reminder, "message", "reminder", ("conversation_id", "name")),
    ASIDE,
    REASON,
    Column(review, "item", "review", ("id",)),
)


def closed_rows(
    db: Connection, column: Column, rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """New rows as they are stored where their texts are bound to the rows' own ids."""
    seal = seal_of(db)
    if not seal.key_id:
        return [dict(row) for row in rows]
    numbered = [
        {**row, "id": number}
        for row, number in zip(rows, _next_ids(db, column.table, len(rows)), strict=True)
    ]
    return [{**row, column.name: column.closed(seal, row[column.name], row)} for row in numbered]


def _next_ids(db: Connection, table: Table, count: int) -> list[int]:
    """Those of the next rows of ``table``. Nobody else gets them: on SQLite nobody else writes."""
    if db.dialect.name == "sqlite":
        [last] = execute(db, f"SELECT max(id) FROM {table.name}").fetchone()
        return list(range((last or 0) + 1, (last or 0) + 1 + count))
    sequence = func.pg_get_serial_sequence(table.name, "id")
    numbers = func.generate_series(1, count).table_valued("n")
    return sorted(db.scalars(select(func.nextval(sequence)).select_from(numbers)))
