"""The statements that every turn runs, built once: building one takes longer than running it.

Values to bind are named after the column, with ``_`` before those that SQLAlchemy would take for
a column to set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Update,
    bindparam,
    exists,
    func,
    select,
    update,
)

from bot.store.inserts import insert
from bot.store.prepared import Adding, AddingOnSqlite, ByCore, OnSqlite, Prepared
from bot.store.tables import HAS_MESSAGE_ID, conversation, event, inbox, outbox

_CONVERSATION: ColumnElement[Any] = bindparam("_conversation_id")

WAITING: Select[Any] = (
    select(inbox.c.id, inbox.c.position, inbox.c.message)
    .where(inbox.c.conversation_id == _CONVERSATION, inbox.c.done_at.is_(None))
    .order_by(inbox.c.position)
    .limit(1)
)
_WAITS_BEFORE: Select[Any] = select(
    exists().where(
        inbox.c.conversation_id == _CONVERSATION,
        inbox.c.done_at.is_(None),
        inbox.c.position < bindparam("_position"),
    )
)
STANDS: Select[Any] = select(conversation.c.seq, conversation.c.epoch).where(
    conversation.c.id == _CONVERSATION
)
_SESSION: ColumnElement[Any] = (
    select(func.coalesce(func.max(event.c.seq), 0))
    .where(event.c.conversation_id == _CONVERSATION, event.c.name == "session_started")
    .scalar_subquery()
)
# What another worker adds after STANDS was read has a higher seq than ``_seq``.
EVENTS: Select[Any] = (
    select(event.c.seq, event.c.event)
    .where(event.c.conversation_id == _CONVERSATION, event.c.seq <= bindparam("_seq"))
    .order_by(event.c.seq)
)
EVENTS_OF_SESSION: Select[Any] = EVENTS.where(event.c.seq >= _SESSION - 1)

_MOVE: Update = (
    update(conversation)
    .where(
        conversation.c.id == _CONVERSATION,
        conversation.c.seq == bindparam("_seq"),
        conversation.c.epoch == bindparam("_epoch"),
    )
    .values({name: bindparam(name) for name in ("seq", "epoch", "updated_at")})
)
_DONE: Update = (
    update(inbox)
    .where(
        inbox.c.id == bindparam("_id"),
        inbox.c.conversation_id == _CONVERSATION,
        inbox.c.done_at.is_(None),
    )
    .values(done_at=bindparam("done_at"))
)
EVENT_COLUMNS = tuple(column.name for column in event.columns)
REPLY_COLUMNS = (
    "conversation_id",
    "inbox_id",
    "channel",
    "reply",
    "state",
    "recorded_at",
    "settled_at",
)


@dataclass(frozen=True, slots=True)
class Statements:
    """Those of every message, for one kind of database.

    ``next_position`` makes the conversation where there is none, locks its row and gives its
    (next_position, seq, epoch). ``put`` gives the row of a new message, none for an id that came
    before. ``waits_before`` gives whether a message of the conversation waits before
    ``_position``. ``move`` and ``done`` change a row where it is as it should be. ``begin`` gives
    the id of a conversation that was not there. ``send_numbered`` takes replies with their ids.
    """

    next_position: Prepared
    put: Prepared
    waits_before: Prepared
    move: Prepared
    begin: Prepared
    done: Prepared
    log: Adding
    send: Adding
    send_numbered: Adding

    @classmethod
    def of(cls, *, is_sqlite: bool) -> Statements:
        """For SQLite, or for PostgreSQL."""
        into = partial(insert, is_sqlite=is_sqlite)
        prepared: type[OnSqlite | ByCore] = OnSqlite if is_sqlite else ByCore
        return cls(
            next_position=prepared(_next_position(into)),
            put=prepared(_put(into)),
            waits_before=prepared(_WAITS_BEFORE),
            move=prepared(_MOVE),
            begin=prepared(_begin(into)),
            done=prepared(_DONE),
            log=_adding(event, EVENT_COLUMNS, is_sqlite=is_sqlite),
            send=_adding(outbox, REPLY_COLUMNS, is_sqlite=is_sqlite),
            send_numbered=_adding(outbox, ("id", *REPLY_COLUMNS), is_sqlite=is_sqlite),
        )


def _adding(table: Table, columns: Sequence[str], *, is_sqlite: bool) -> Adding:
    return AddingOnSqlite(table, columns) if is_sqlite else ByCore(table.insert())


def _next_position(insert: Any) -> Any:
    made = _bound(insert, conversation, leave=("erased_epoch",))
    return made.on_conflict_do_update(
        index_elements=["id"], set_={"next_position": conversation.c.next_position + 1}
    ).returning(conversation.c.next_position, conversation.c.seq, conversation.c.epoch)


def _put(insert: Any) -> Any:
    new = _bound(insert, inbox, leave=("id", "done_at"))
    return new.on_conflict_do_nothing(
        index_elements=["conversation_id", "channel", "account", "message_id"],
        index_where=HAS_MESSAGE_ID,
    ).returning(inbox.c.id)


def _begin(insert: Any) -> Any:
    made = _bound(insert, conversation, leave=("erased_epoch",))
    return made.on_conflict_do_nothing().returning(conversation.c.id)


def _bound(insert: Any, table: Table, *, leave: tuple[str, ...]) -> Any:
    names = [column.name for column in table.columns if column.name not in leave]
    return insert(table).values({name: bindparam(name) for name in names})
