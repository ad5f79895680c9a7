"""The outbox in SQL: what is done with its table, inside a transaction of the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, or_, select, update

from bot.dialogue.messages import Reply
from bot.errors import NotFound
from bot.store.base import Letter, Outgoing
from bot.store.checks import MISSED_OF, TO_SEND, WENT_OUT
from bot.store.columns import ERROR, REPLY
from bot.store.sealing import Seal, seal_of
from bot.store.tables import MISSED, WITHDRAWN, inbox, outbox

_replies = msgspec.json.Decoder(Reply)
_WAITS = outbox.c.state == "waiting"
_READ = (
    outbox.c.id,
    outbox.c.conversation_id,
    outbox.c.inbox_id,
    outbox.c.channel,
    outbox.c.reply,
    outbox.c.recorded_at,
    outbox.c.tries,
    outbox.c.due_at,
    outbox.c.parts,
    outbox.c.begun_at,
)


def outgoing(db: Connection, conversation_id: str) -> list[Outgoing]:
    """Replies of the conversation that wait, in order."""
    waiting = select(*_READ).where(outbox.c.conversation_id == conversation_id, _WAITS)
    return _outgoing(db, waiting)


def missed(db: Connection, conversation_id: str) -> list[Outgoing]:
    """Replies to its latest messages, and to none, that nobody was there to take, in order."""
    latest = (
        select(inbox.c.id)
        .where(inbox.c.conversation_id == conversation_id)
        .order_by(inbox.c.position.desc())
        .limit(MISSED_OF)
    ).subquery()
    kept = select(*_READ).where(
        outbox.c.conversation_id == conversation_id,
        MISSED,
        or_(outbox.c.inbox_id.is_(None), outbox.c.inbox_id.in_(select(latest.c.id))),
    )
    return _outgoing(db, kept)


def late(*, now: float, older_than_s: float) -> Select[Any]:
    """Conversations with replies to send: recorded that long ago and not tried, or due again.

    What waits behind a reply that is not due cannot be sent, and would be in the way of others.
    """
    first = outbox.alias()
    held_up = exists().where(
        first.c.conversation_id == outbox.c.conversation_id,
        first.c.state == "waiting",
        first.c.id < outbox.c.id,
        first.c.due_at > now,
    )
    return select(outbox.c.conversation_id, outbox.c.recorded_at.label("at")).where(
        _WAITS,
        ~held_up,
        or_(
            and_(
                outbox.c.due_at.is_(None),
                or_(
                    outbox.c.recorded_at <= now - older_than_s,
                    outbox.c.recorded_at > now + older_than_s,  # the clock was set back
                ),
            ),
            outbox.c.due_at <= now,
        ),
    )


def begin(
    db: Connection,
    outbox_id: int,
    *,
    part: int,
    after: tuple[int, float | None] | None,
    now: float,
) -> float | None:
    """Note that ``part`` is being sent, at ``now``; None when the reply is not to be sent so."""
    reply = update(outbox).where(outbox.c.id == outbox_id, outbox.c.state.in_(TO_SEND))
    if after is not None:
        reply = reply.where(outbox.c.parts == after[0], _begun(after[1]))
    return now if db.execute(reply.values(parts=part, begun_at=now)).rowcount else None


def settle(
    db: Connection,
    outbox_id: int,
    *,
    begun: float | None,
    state: str,
    error: str,
    part: int | None,
    now: float,
) -> None:
    """Record how sending ended; what was withdrawn stays so unless it went out nevertheless."""
    withdrawn = (outbox.c.state == "withdrawn", outbox.c.state)
    ended = state if state in WENT_OUT else case(withdrawn, else_=state)
    parts = {} if part is None else {"parts": part}
    told = {"state": ended, "settled_at": now, "error": _sealed(db, outbox_id, error)}
    if not _change(db, outbox_id, begun=begun, begun_at=None, **told, **parts) and (
        state in WENT_OUT
    ):
        # Another has begun since: his it is as long as it is to be sent.
        late = update(outbox).where(outbox.c.id == outbox_id, outbox.c.state.not_in(TO_SEND))
        db.execute(late.values(told))


def postpone(
    db: Connection,
    outbox_id: int,
    *,
    begun: float | None,
    due_at: float,
    part: int,
    tries: int,
    error: str,
) -> None:
    """Let the reply wait until ``due_at``; it goes on with ``part``."""
    later = {"due_at": due_at, "parts": part, "tries": tries}
    told = _sealed(db, outbox_id, error)
    _change(db, outbox_id, begun=begun, begun_at=None, error=told, **later)


def is_on_its_way(db: Connection, conversation_id: str, since: float) -> bool:
    """Whether a call that began ``since`` may still deliver what was withdrawn."""
    called = exists().where(
        outbox.c.conversation_id == conversation_id, WITHDRAWN, outbox.c.begun_at >= since
    )
    return bool(db.scalar(select(called)))


def withdraw(db: Connection, conversation_id: str, now: float) -> None:
    """What the bot has said and nobody has been told yet is not to be sent."""
    theirs = update(outbox).where(
        outbox.c.conversation_id == conversation_id,
        or_(_WAITS, MISSED),
        outbox.c.inbox_id.is_not(None),
    )
    db.execute(theirs.values(state="withdrawn", settled_at=now))


def letters(
    db: Connection,
    *,
    states: Sequence[str],
    channel: str | None,
    conversation_id: str | None,
    after: int,
    limit: int,
) -> list[Letter]:
    """Replies in these states, oldest first, after that one."""
    wanted: list[ColumnElement[bool]] = [outbox.c.state.in_(states), outbox.c.id > after]
    if channel is not None:
        wanted.append(outbox.c.channel == channel)
    if conversation_id is not None:
        wanted.append(outbox.c.conversation_id == conversation_id)
    read = (*_READ, outbox.c.state, outbox.c.settled_at, outbox.c.error)
    rows = db.execute(select(*read).where(*wanted).order_by(outbox.c.id).limit(limit))
    return [_letter(row, seal_of(db)) for row in rows]


def send_again(db: Connection, outbox_ids: Sequence[int], now: float) -> list[int]:
    """Let replies that were given up wait anew, from the part they got to; which of them did."""
    given_up = update(outbox).where(
        outbox.c.id.in_(outbox_ids), outbox.c.state.in_(("failed", "unknown"))
    )
    anew = given_up.values(
        state="waiting", settled_at=None, due_at=now, tries=0, recorded_at=now, error=None
    )
    return list(db.scalars(anew.returning(outbox.c.id)))


def reply_in(row: Any, seal: Seal) -> Reply:
    """The reply of a row. Raises Locked."""
    return _replies.decode(REPLY.opened(seal, row._mapping))


def _sealed(db: Connection, outbox_id: int, error: str) -> str | None:
    return ERROR.told(seal_of(db), error, {"id": outbox_id})


def _letter(row: Any, seal: Seal) -> Letter:
    error = ERROR.heard(seal, row._mapping)
    return Letter(_one(row, seal), row.state, row.recorded_at, row.settled_at, error)


def _begun(at: float | None) -> ColumnElement[bool]:
    return outbox.c.begun_at.is_(None) if at is None else outbox.c.begun_at == at


def _change(db: Connection, outbox_id: int, *, begun: float | None, **values: Any) -> bool:
    """Whether the reply was changed: not where another has begun since ``begun``."""
    reply = update(outbox).where(outbox.c.id == outbox_id)
    if begun is not None:
        reply = reply.where(_begun(begun))
    if db.execute(reply.values(values)).rowcount:
        return True
    if db.scalar(select(outbox.c.id).where(outbox.c.id == outbox_id)) is None:
        raise NotFound(f"The outbox has no reply {outbox_id}.")
    return False


def _outgoing(db: Connection, replies: Select[Any]) -> list[Outgoing]:
    return [_one(row, seal_of(db)) for row in db.execute(replies.order_by(outbox.c.id))]


def _one(row: Any, seal: Seal) -> Outgoing:
    return Outgoing(
        row.id,
        row.conversation_id,
        row.channel,
        reply_in(row, seal),
        recorded_at=row.recorded_at,
        tries=row.tries,
        due_at=row.due_at or 0.0,
        part=row.parts,
        begun_at=row.begun_at,
    )
