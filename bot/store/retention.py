"""How long conversations are kept, by channel: what is older goes, in small steps.

A conversation goes whole, when nothing happened in it for longer than its channel's limit, no
message, reply or reminder waits in it, no person has it, and none was called for since. Of one that
is in use whole sessions go: those followed by a session that itself began longer ago than the
limit. The latest session, which turns are taken from, is never cut. The channel is that of the
user's last message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, and_, delete, exists, func, or_, select

from bot.dialogue.events import Event, UserUttered
from bot.store import personal
from bot.store.base import Stand
from bot.store.database import Database
from bot.store.sealing import seal_of
from bot.store.tables import conversation, event, handoff, inbox, outbox, reminder

DEFAULT = "default"
PAGE = 500  # conversations looked at in one step
MOST_EVENTS = 1000  # of one conversation that go in one transaction

_events = msgspec.json.Decoder(Event)


@dataclass(frozen=True, slots=True)
class Gone:
    """What one step took away, and the id it got to; empty at the end of all."""

    conversations: int
    events: int
    after: str


class Retention:
    """Takes away what is older than the limits of ``limits_s``: by channel, else ``default``.

    A channel without a limit keeps everything.
    """

    def __init__(
        self,
        database: Database,
        limits_s: Mapping[str, float],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database, self._limits_s, self._clock = database, limits_s, clock

    async def step(self, after: str = "") -> Gone:
        """Look at the next conversations, in the order of their ids."""
        now = self._clock()
        page = await self._database.read(lambda db: db.execute(_page(after)).all())
        empty = [row for row in page if not row.seq and row.updated_at < now - personal.TOMBSTONE_S]
        for row in empty:
            await self._database.write(partial(_end, conversation_id=row.id, epoch=row.epoch))
        conversations = events = 0
        for row, before in await self._too_old([row for row in page if row.seq], now):
            if row.updated_at < before:
                whole = partial(_end_idle, conversation_id=row.id, stands=(row.seq, row.epoch))
                gone = await self._database.write(partial(whole, before=before, now=now))
                conversations += bool(gone)
            else:
                cut = partial(_cut, conversation_id=row.id, before=before)
                gone = await self._database.write(cut)
            events += gone
        return Gone(conversations, events, page[-1].id if len(page) == PAGE else "")

    async def _too_old(self, rows: Sequence[Any], now: float) -> list[tuple[Any, float]]:
        """Of ``rows`` those that may hold something too old, and what is: from before then."""
        if not self._limits_s:
            return []
        shortest = now - min(self._limits_s.values())
        old = [row for row in rows if row.created_at < shortest]
        ids = [row.id for row in old]
        channels = await self._database.read(partial(_channels, ids=ids)) if ids else {}
        found = []
        for row in old:
            limit_s = self._limits_s.get(channels.get(row.id, ""), self._limits_s.get(DEFAULT))
            if limit_s is not None:
                found.append((row, now - limit_s))
        return found


def _page(after: str) -> Select[Any]:
    return (
        select(conversation)
        .where(conversation.c.id > after)
        .order_by(conversation.c.id)
        .limit(PAGE)
    )


def _channels(db: Connection, ids: Sequence[str]) -> dict[str, str]:
    """The channel of each conversation's last message."""
    last = (
        select(event.c.conversation_id, func.max(event.c.seq).label("seq"))
        .where(event.c.conversation_id.in_(ids), event.c.name == "user")
        .group_by(event.c.conversation_id)
        .subquery()
    )
    said = select(event.c.conversation_id, event.c.seq, event.c.event).join(
        last,
        and_(event.c.conversation_id == last.c.conversation_id, event.c.seq == last.c.seq),
    )
    opened = seal_of(db).open
    rows = db.execute(said)
    return {id_: _channel(opened(body, "event", id_, seq)) for id_, seq, body in rows}


def _channel(body: str) -> str:
    said = _events.decode(body)
    return said.input_channel or "" if isinstance(said, UserUttered) else ""


def _end(db: Connection, conversation_id: str, epoch: int) -> None:
    """Take away the row of a conversation of which nothing else is there."""
    db.execute(
        delete(conversation).where(
            conversation.c.id == conversation_id,
            conversation.c.seq == 0,
            conversation.c.epoch == epoch,
            ~exists().where(inbox.c.conversation_id == conversation_id),
        )
    )


def _end_idle(
    db: Connection, conversation_id: str, stands: Stand, before: float, now: float
) -> int:
    """End the conversation, unless it went on or something waits; how many events went."""
    found = select(conversation.c.seq, conversation.c.epoch).where(
        conversation.c.id == conversation_id
    )
    row = db.execute(found.with_for_update()).one_or_none()
    if row is None or tuple(row) != stands or db.scalar(select(_in_use(conversation_id, before))):
        return 0
    return personal.end(db, conversation_id, now=now)["events"]


def _in_use(conversation_id: str, before: float) -> Any:
    wanted = or_(handoff.c.agent.is_not(None), handoff.c.since >= before)
    return or_(
        exists().where(inbox.c.conversation_id == conversation_id, inbox.c.done_at.is_(None)),
        exists().where(outbox.c.conversation_id == conversation_id, outbox.c.state == "waiting"),
        exists().where(reminder.c.conversation_id == conversation_id),
        exists().where(handoff.c.conversation_id == conversation_id, wanted),
    )


def _cut(db: Connection, conversation_id: str, before: float) -> int:
    """Take away sessions before the last one that began before then; how many events went."""
    theirs = event.c.conversation_id == conversation_id
    began = select(func.max(event.c.seq)).where(
        theirs, event.c.name == "session_started", event.c.timestamp < before
    )
    start = db.scalar(began)
    first = db.scalar(select(func.min(event.c.seq)).where(theirs))
    if start is None or first is None:
        return 0
    end = min(start - 1, first + MOST_EVENTS)  # before it is the action that started the session
    return db.execute(delete(event).where(theirs, event.c.seq < end)).rowcount
