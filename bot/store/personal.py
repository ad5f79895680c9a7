"""What SQL holds of one conversation: read whole, and taken away whole, in one transaction.

A conversation that was erased leaves an empty row with its id and a higher epoch, for a day: a
turn that was in flight is refused by it and cannot write anything back. ``bot.store.retention``
takes that row away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    delete,
    or_,
    select,
    union,
    update,
)

from bot.store.audits import forget_subject, subject_of
from bot.store.columns import COLUMNS, ERROR, REASON, Column
from bot.store.sealing import Seal, seal_of
from bot.store.tables import (
    audit,
    conversation,
    event,
    handoff,
    inbox,
    outbox,
    reminder,
    review,
    unpublished,
)

TOMBSTONE_S = 24 * 3600.0  # how long that row stays

HELD: Mapping[str, Table] = {
    "events": event,
    "messages": inbox,
    "replies": outbox,
    "reminders": reminder,
    "handoffs": handoff,
    "unpublished": unpublished,
}
"""Each table with a conversation's id."""


def held(db: Connection, conversation_id: str) -> dict[str, list[Any]]:
    """Everything, by what it is, as JSON values; the audit log's rows about it too."""
    found = {
        what: [_opened(db, table, row) for row in db.execute(_rows(table, conversation_id))]
        for what, table in HELD.items()
    }
    return {**found, "deeds": _deeds(db, conversation_id)}


def erase(db: Connection, conversation_id: str, *, now: float) -> dict[str, int]:
    """Take away everything, and raise the epoch; how many rows went, by what they were.

    The row says so, for who read the log before and keeps what he learnt from it. Rows of the
    audit log stay, but nobody can tell any more that they are about it.
    """
    gone = end(db, conversation_id, now=now)
    db.execute(
        update(conversation)
        .where(conversation.c.id == conversation_id)
        .values(erased_epoch=conversation.c.epoch)
    )
    return gone


def end(db: Connection, conversation_id: str, *, now: float) -> dict[str, int]:
    """The same, where it was only kept as long as it should be: what was learnt from it stays."""
    # First of all, as a turn does: one that commits meanwhile has committed, or will be refused.
    db.execute(
        update(conversation)
        .where(conversation.c.id == conversation_id)
        .values(seq=0, epoch=conversation.c.epoch + 1, updated_at=now)
    )
    gone = {
        what: db.execute(delete(table).where(table.c.conversation_id == conversation_id)).rowcount
        for what, table in HELD.items()
    }
    return {**gone, "names in the audit log": forget_subject(db, conversation_id)}


def ids_of(db: Connection, user: str, *, all_channels: bool) -> Sequence[str]:
    """The conversations of ``user``: the one of that id, and ``<channel>:...:<user>`` too.

    Review items outlive the conversation that they are of.
    """

    def fitting(column: ColumnElement[str]) -> Select[str]:
        theirs = column == user
        if all_channels:
            theirs = or_(theirs, column.endswith(f":{user}", autoescape=True))
        return select(column).where(theirs)

    found = union(fitting(conversation.c.id), fitting(review.c.conversation_id))
    return sorted(db.scalars(found))


def _rows(table: Table, conversation_id: str) -> Any:
    return (
        select(table)
        .where(table.c.conversation_id == conversation_id)
        .order_by(*table.primary_key.columns)
    )


def _opened(db: Connection, table: Table, row: Row[Any]) -> dict[str, Any]:
    """A row with its texts as JSON values."""
    shown = {name: value for name, value in row._mapping.items() if value is not None}
    for column in COLUMNS:
        if column.table is table and column.name in shown:
            shown[column.name] = _shown(column, seal_of(db), row._mapping)
    return shown


def _shown(column: Column, seal: Seal, row: Mapping[Any, Any]) -> Any:
    if column in (ERROR, REASON):
        return column.heard(seal, row)
    text = column.opened(seal, row)
    return text if column.kind == "digest" else msgspec.json.decode(text)


def _deeds(db: Connection, conversation_id: str) -> list[Any]:
    subject = subject_of(db, conversation_id)
    if subject is None:
        return []
    theirs = select(audit).where(audit.c.subject == subject).order_by(audit.c.number)
    rows = [dict(row._mapping) for row in db.execute(theirs)]
    return [{**row, "facts": msgspec.json.decode(row["facts"])} for row in rows]
