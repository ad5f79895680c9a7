"""Handoffs in SQL: what is done with their table, inside a transaction of the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from bot.dialogue.calls import Call
from bot.errors import NotFound
from bot.store.base import Handoff
from bot.store.columns import REASON
from bot.store.sealing import Seal, seal_of
from bot.store.tables import conversation, handoff

Insert = Callable[[Table], Any]


def ask(db: Connection, wanted: Handoff, insert: Insert) -> Handoff:
    """Put ``wanted`` into the queue; where the conversation is in it already, what stands there.

    Raises NotFound for a conversation that was erased meanwhile.
    """
    _check_not_erased(db, wanted.conversation_id)
    new = insert(handoff).values(_row(wanted, seal_of(db)))
    # Changes nothing, but has the row stay: another may be about to end it.
    found = new.on_conflict_do_update(
        index_elements=["conversation_id"], set_={"since": handoff.c.since}
    ).returning(handoff)
    return _one(db.execute(found).one(), seal_of(db))


def called(db: Connection, wanted: Handoff, call: Call, insert: Insert) -> None:
    """Put ``wanted`` into the queue as the bot called for it, or take it out where it goes on and
    nobody has the conversation. What a person does is not undone."""
    if call.wanted:
        new = insert(handoff).values(_row(wanted, seal_of(db)))
        db.execute(new.on_conflict_do_nothing(index_elements=["conversation_id"]))
        return
    mine = handoff.c.conversation_id == wanted.conversation_id
    db.execute(delete(handoff).where(mine, handoff.c.agent.is_(None)))


def take(db: Connection, taken: Handoff, insert: Insert) -> None:
    """The conversation is ``taken.agent``'s, whoever had it."""
    new = insert(handoff).values(_row(taken, seal_of(db)))
    db.execute(
        new.on_conflict_do_update(
            index_elements=["conversation_id"],
            set_={"agent": new.excluded.agent, "since": new.excluded.since},
        )
    )


def end(db: Connection, conversation_id: str) -> None:
    """Nobody has the conversation, and nobody is asked for."""
    db.execute(delete(handoff).where(handoff.c.conversation_id == conversation_id))


def get(db: Connection, conversation_id: str) -> Handoff | None:
    """Who has the conversation, or is asked for."""
    theirs = select(handoff).where(handoff.c.conversation_id == conversation_id)
    row = db.execute(theirs).one_or_none()
    return None if row is None else _one(row, seal_of(db))


def listed(db: Connection, *, taken: bool | None, agent: str | None, limit: int) -> list[Handoff]:
    """Those that are taken, or wait, or both; the longest first."""
    wanted = select(handoff).order_by(handoff.c.since).limit(limit)
    if taken is not None:
        wanted = wanted.where(handoff.c.agent.is_not(None) if taken else handoff.c.agent.is_(None))
    if agent is not None:
        wanted = wanted.where(handoff.c.agent == agent)
    return [_one(row, seal_of(db)) for row in db.execute(wanted)]


def _check_not_erased(db: Connection, conversation_id: str) -> None:
    mine = select(conversation.c.seq, conversation.c.epoch).where(
        conversation.c.id == conversation_id
    )
    row = db.execute(mine.with_for_update()).one_or_none()
    # Nothing was ever said, but the epoch was raised: by an erasure, unless by a person.
    if row and row.seq == 0 and row.epoch and get(db, conversation_id) is None:
        raise NotFound(f"There is no conversation {conversation_id!r} any more.")


def _row(one: Handoff, seal: Seal) -> dict[str, Any]:
    row = {"conversation_id": one.conversation_id, "agent": one.agent, "since": one.since}
    return {**row, "reason": REASON.told(seal, one.reason, row)}


def _one(row: Any, seal: Seal) -> Handoff:
    reason = REASON.heard(seal, row._mapping)
    return Handoff(row.conversation_id, row.agent, reason, row.since)
