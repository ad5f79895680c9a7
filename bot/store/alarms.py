"""Reminders in SQL: what is done with their table, inside a transaction of the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, func, select

from bot.dialogue.messages import Message
from bot.store.base import Cancellation, Reminder
from bot.store.checks import check_id, check_message
from bot.store.sealing import seal_of
from bot.store.tables import conversation, reminder

_messages = msgspec.json.Decoder(Message)
Insert = Callable[[Table], Any]


def row(wanted: Reminder) -> dict[str, Any]:
    """``wanted`` as it is stored, or BadRequest when it cannot be."""
    return {
        "conversation_id": wanted.message.conversation_id,
        "name": check_id("The reminder's name", wanted.name),
        "due_at": wanted.due_at,
        "message": check_message(wanted.message),
    }


def change(
    db: Connection,
    conversation_id: str,
    changes: Sequence[dict[str, Any] | Cancellation],
    insert: Insert,
) -> None:
    """Schedule rows and cancel, in order; the conversation's row is locked."""
    for each in changes:
        if isinstance(each, Cancellation):
            _cancel(db, conversation_id, each)
            continue
        body = seal_of(db).close(each["message"], "reminder", conversation_id, each["name"])
        new = insert(reminder).values({**each, "message": body})
        db.execute(
            new.on_conflict_do_update(
                index_elements=["conversation_id", "name"],
                set_={"due_at": new.excluded.due_at, "message": new.excluded.message},
            )
        )


def _cancel(db: Connection, conversation_id: str, wanted: Cancellation) -> None:
    theirs = select(reminder).where(reminder.c.conversation_id == conversation_id)
    found = [row.id for row in db.execute(theirs) if wanted.fits(_message(db, row))]
    if found:
        db.execute(delete(reminder).where(reminder.c.id.in_(found)))


def due_conversations(db: Connection, now: float, limit: int) -> Sequence[str]:
    """Conversations with reminders that are due, the longest overdue first."""
    overdue = (
        select(reminder.c.conversation_id)
        .where(reminder.c.due_at <= now)
        .group_by(reminder.c.conversation_id)
        .order_by(func.min(reminder.c.due_at))
        .limit(limit)
    )
    return db.scalars(overdue).all()


def take_due(db: Connection, conversation_id: str, now: float) -> list[Message]:
    """Take the messages of the conversation's due reminders out of the table, received now."""
    # Turns lock this row first, too: two transactions never wait for each other.
    db.execute(
        select(conversation.c.seq).where(conversation.c.id == conversation_id).with_for_update()
    )
    due = (
        select(reminder)
        .where(reminder.c.conversation_id == conversation_id, reminder.c.due_at <= now)
        .order_by(reminder.c.due_at, reminder.c.id)
    )
    rows = db.execute(due).all()
    db.execute(delete(reminder).where(reminder.c.id.in_([row.id for row in rows])))
    return [msgspec.structs.replace(_message(db, row), received=now) for row in rows]


def _message(db: Connection, row: Any) -> Message:
    opened = seal_of(db).open(row.message, "reminder", row.conversation_id, row.name)
    return _messages.decode(opened)


def next_due(db: Connection) -> float | None:
    """When the next reminder is due."""
    found: float | None = db.scalar(select(func.min(reminder.c.due_at)))
    return found
