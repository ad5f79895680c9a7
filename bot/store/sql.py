"""The log in SQL: SQLite or PostgreSQL, the truth about every conversation."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete, func, or_, select, union_all, update

from bot.broker.base import Unpublished
from bot.dialogue.calls import call_of
from bot.dialogue.events import Event
from bot.dialogue.messages import Message, Reply
from bot.errors import Conflict, Duplicate, NotFound, ParleyError, Unavailable
from bot.store import alarms, handoffs, schema, sending
from bot.store.base import (
    Accepted,
    Cancellation,
    Handoff,
    History,
    Letter,
    Outgoing,
    Reminder,
    Stand,
    Waiting,
)
from bot.store.checks import check_id, check_message, digest, encode
from bot.store.clearing import clear
from bot.store.columns import ASIDE, REPLY, closed_rows
from bot.store.database import CONNECTIONS, Database, Synchronous
from bot.store.inserts import insert
from bot.store.sealing import Seal, seal_of
from bot.store.session import latest_session
from bot.store.statements import (
    EVENTS,
    EVENTS_OF_SESSION,
    STANDS,
    WAITING,
    Statements,
)
from bot.store.tables import event, inbox, outbox, unpublished


class _Repeated(Exception):
    """A message's id is in the inbox already."""


_events = msgspec.json.Decoder(Event)
_messages = msgspec.json.Decoder(Message)


@asynccontextmanager
async def open_log(
    url: str,
    *,
    synchronous: Synchronous = "NORMAL",
    clock: Callable[[], float] = time.time,
    publishing: bool = False,
    seal: Seal | None = None,
    connections: int = CONNECTIONS,
) -> AsyncIterator[SqlLog]:
    """The log at ``url``, closed after the block. ``synchronous``: see ``bot.store.database``."""
    database = Database(url, synchronous=synchronous, seal=seal, connections=connections)
    try:
        yield SqlLog(database, clock=clock, publishing=publishing)
    finally:
        await database.close()


class SqlLog:
    """The Log in one database.

    When the connection breaks while a transaction is being committed, Unavailable is raised
    though it may have been kept; trying again then finds the message done, or a Conflict.

    ``publishing`` sets every event aside for the event broker too. Events put in the place of
    others are set aside all.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        publishing: bool = False,
    ) -> None:
        self._database = database
        self._clock = clock
        self._statements = Statements.of(is_sqlite=database.sqlite)
        self._publishing = publishing

    @property
    def database(self) -> Database:
        """What it is in, for the tables beside it."""
        return self._database

    async def accept(self, message: Message) -> Accepted:
        body = check_message(message)

        def keep(db: Connection) -> Accepted:
            accepted = self._keep(db, message, body)
            if accepted is None:
                raise _Repeated  # gives the position back
            return accepted

        while True:
            try:
                return await self._database.write(keep)
            except _Repeated:
                with suppress(NotFound):  # cleared away meanwhile: it is new again
                    return await self._repeated(message)

    async def accepted(self, inbox_id: int) -> Accepted:
        found = select(inbox.c.position, inbox.c.done_at).where(inbox.c.id == inbox_id)
        answers = (
            select(outbox.c.id, outbox.c.conversation_id, outbox.c.inbox_id, outbox.c.reply)
            .where(outbox.c.inbox_id == inbox_id)
            .order_by(outbox.c.id)
        )

        def look(db: Connection) -> Accepted:
            row = db.execute(found).one_or_none()
            if row is None:
                raise NotFound(f"The inbox has no message {inbox_id}.")
            if row.done_at is None:
                return Accepted(inbox_id, row.position, done=False)
            read = partial(sending.reply_in, seal=seal_of(db))
            replies = tuple(read(row) for row in db.execute(answers))
            if not replies and db.execute(found).one_or_none() is None:
                raise NotFound(f"Message {inbox_id} was cleared away just now.")
            return Accepted(inbox_id, row.position, done=True, replies=replies)

        return await self._database.read(look)

    async def tried(self, inbox_id: int) -> int:
        more = update(inbox).where(inbox.c.id == inbox_id).values(tries=inbox.c.tries + 1)
        counted = more.returning(inbox.c.tries)
        tries: int | None = await self._database.write(lambda db: db.scalar(counted))
        if tries is None:
            raise NotFound(f"The inbox has no message {inbox_id}.")
        return tries

    async def waiting(self, conversation_id: str) -> Waiting | None:
        of = {"_conversation_id": conversation_id}

        def look(db: Connection) -> Waiting | None:
            row = db.execute(WAITING, of).one_or_none()
            if row is None:
                return None
            body = seal_of(db).open(row.message, "inbox", conversation_id, row.position)
            return Waiting(row.id, _messages.decode(body))

        return await self._database.read(look)

    async def unfinished(self, *, older_than_s: float, limit: int = 100) -> Sequence[str]:
        now = self._clock()
        before = now - older_than_s
        # What is of the future was accepted before the clock was set back.
        late = union_all(
            select(inbox.c.conversation_id, inbox.c.accepted_at.label("at")).where(
                inbox.c.done_at.is_(None),
                or_(inbox.c.accepted_at <= before, inbox.c.accepted_at > now + older_than_s),
            ),
            sending.late(now=now, older_than_s=older_than_s),
        ).subquery()
        oldest = (
            select(late.c.conversation_id)
            .group_by(late.c.conversation_id)
            .order_by(func.min(late.c.at))
            .limit(limit)
        )
        return await self._database.read(lambda db: db.scalars(oldest).all())

    async def stands(self, conversation_id: str) -> Stand:
        of = {"_conversation_id": conversation_id}
        row = await self._database.read(lambda db: db.execute(STANDS, of).one_or_none())
        return (row.seq, row.epoch) if row else (0, 0)

    async def history(self, conversation_id: str, *, all_sessions: bool = False) -> History:
        check_id("The conversation's id", conversation_id)
        logged = EVENTS if all_sessions else EVENTS_OF_SESSION

        def look(db: Connection) -> tuple[int, int, Sequence[tuple[int, str]]]:
            row = db.execute(STANDS, {"_conversation_id": conversation_id}).one_or_none()
            if row is None:
                return 0, 0, ()
            of = {"_conversation_id": conversation_id, "_seq": row.seq}
            opened = seal_of(db).open
            found = db.execute(logged, of).all()
            bodies = [(at, opened(body, "event", conversation_id, at)) for at, body in found]
            return row.seq, row.epoch, bodies

        seq, epoch, rows = await self._database.read(look)
        events = tuple(_decoded(conversation_id, at, body) for at, body in rows)
        return History(events if all_sessions else latest_session(events), seq, epoch)

    async def commit(
        self,
        conversation_id: str,
        events: Sequence[Event],
        *,
        seq: int,
        epoch: int,
        inbox_id: int | None = None,
        replies: Sequence[Reply] = (),
        channel: str = "",
        sent: bool = False,
        reminders: Sequence[Reminder | Cancellation] = (),
    ) -> int:
        check_id("The conversation's id", conversation_id)
        now = self._clock()
        logged = _event_rows(conversation_id, events, after=seq)
        call = call_of(events)
        wanted = Handoff(conversation_id, None, call.by if call else "", now)
        changes = [alarms.row(one) if isinstance(one, Reminder) else one for one in reminders]
        to_send = [
            {
                "conversation_id": conversation_id,
                "inbox_id": inbox_id,
                "channel": channel,
                "reply": encode(reply),
                "state": "sent" if sent else "waiting",
                "recorded_at": now,
                "settled_at": now if sent else None,
            }
            for reply in replies
        ]

        def record(db: Connection) -> None:
            self._move(db, conversation_id, (seq, epoch), to=(seq + len(events), epoch))
            if inbox_id is not None and not self._done(db, conversation_id, inbox_id):
                raise Conflict(f"Message {inbox_id} of {conversation_id!r} is already done.")
            self._log(db, conversation_id, logged)
            if to_send:
                self._send(db, to_send)
            alarms.change(db, conversation_id, changes, self._insert)
            if call:
                handoffs.called(db, wanted, call, self._insert)

        await self._database.write(record)
        return seq + len(events)

    async def replace(
        self, conversation_id: str, events: Sequence[Event], *, seq: int, epoch: int
    ) -> int:
        check_id("The conversation's id", conversation_id)
        logged = _event_rows(conversation_id, events, after=0)

        def exchange(db: Connection) -> None:
            self._move(db, conversation_id, (seq, epoch), to=(len(logged), epoch + 1))
            db.execute(delete(event).where(event.c.conversation_id == conversation_id))
            self._log(db, conversation_id, logged)

        await self._database.write(exchange)
        return len(logged)

    async def ask_for_person(self, conversation_id: str, *, reason: str = "") -> Handoff:
        check_id("The conversation's id", conversation_id)
        wanted = Handoff(conversation_id, None, reason, self._clock())
        return await self._database.write(lambda db: handoffs.ask(db, wanted, self._insert))

    async def take_over(
        self, conversation_id: str, events: Sequence[Event], *, seq: int, epoch: int, agent: str
    ) -> int:
        check_id("The conversation's id", conversation_id)
        logged = _event_rows(conversation_id, events, after=seq)
        taken = Handoff(conversation_id, agent, "", self._clock())

        def take(db: Connection) -> None:
            self._move(db, conversation_id, (seq, epoch), to=(seq + len(logged), epoch + 1))
            self._log(db, conversation_id, logged)
            sending.withdraw(db, conversation_id, taken.since)
            handoffs.take(db, taken, self._insert)

        await self._database.write(take)
        return seq + len(logged)

    async def hand_back(
        self, conversation_id: str, events: Sequence[Event], *, seq: int, epoch: int
    ) -> int:
        check_id("The conversation's id", conversation_id)
        logged = _event_rows(conversation_id, events, after=seq)

        def give(db: Connection) -> None:
            self._move(db, conversation_id, (seq, epoch), to=(seq + len(logged), epoch))
            self._log(db, conversation_id, logged)
            handoffs.end(db, conversation_id)

        await self._database.write(give)
        return seq + len(logged)

    async def handoff(self, conversation_id: str) -> Handoff | None:
        return await self._database.read(lambda db: handoffs.get(db, conversation_id))

    async def handoffs(
        self, *, taken: bool | None = None, agent: str | None = None, limit: int = 100
    ) -> Sequence[Handoff]:
        wanted = partial(handoffs.listed, taken=taken, agent=agent, limit=limit)
        return await self._database.read(wanted)

    async def outgoing(self, conversation_id: str) -> Sequence[Outgoing]:
        return await self._database.read(lambda db: sending.outgoing(db, conversation_id))

    async def missed(self, conversation_id: str) -> Sequence[Outgoing]:
        return await self._database.read(lambda db: sending.missed(db, conversation_id))

    async def begin_sending(
        self, outbox_id: int, *, part: int, after: tuple[int, float | None] | None = None
    ) -> float | None:
        begin = partial(sending.begin, outbox_id=outbox_id, part=part, after=after)
        return await self._database.write(partial(begin, now=self._clock()))

    async def mark_sent(
        self,
        outbox_id: int,
        *,
        state: str = "sent",
        error: str = "",
        part: int | None = None,
        begun: float | None = None,
    ) -> None:
        settle = partial(sending.settle, outbox_id=outbox_id, begun=begun, now=self._clock())
        await self._database.write(partial(settle, state=state, error=error, part=part))

    async def postpone(
        self,
        outbox_id: int,
        *,
        due_at: float,
        part: int,
        tries: int,
        error: str,
        begun: float | None = None,
    ) -> None:
        later = partial(sending.postpone, outbox_id=outbox_id, begun=begun, due_at=due_at)
        await self._database.write(partial(later, part=part, tries=tries, error=error))

    async def is_on_its_way(self, conversation_id: str, *, since: float) -> bool:
        begun = partial(sending.is_on_its_way, conversation_id=conversation_id, since=since)
        return await self._database.read(begun)

    async def letters(
        self,
        *,
        states: Sequence[str],
        channel: str | None = None,
        conversation_id: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> Sequence[Letter]:
        """Replies in these states, oldest first; only those recorded ``after`` that one."""
        wanted = partial(sending.letters, channel=channel, conversation_id=conversation_id)
        found = partial(wanted, states=states, after=after, limit=limit)
        return await self._database.read(found)

    async def send_again(self, outbox_ids: Sequence[int]) -> Sequence[int]:
        """Let replies that were given up wait anew; which of them did."""
        again = partial(sending.send_again, outbox_ids=outbox_ids, now=self._clock())
        return await self._database.write(again)

    async def unpublished(self, *, limit: int) -> Sequence[Unpublished]:
        oldest = select(unpublished).order_by(unpublished.c.id).limit(limit)

        def look(db: Connection) -> Sequence[Unpublished]:
            opened, found = partial(ASIDE.opened, seal_of(db)), db.execute(oldest).all()
            return [Unpublished(row.id, row.conversation_id, opened(row._mapping)) for row in found]

        return await self._database.read(look)

    async def published(self, row_ids: Sequence[int]) -> None:
        gone = delete(unpublished).where(unpublished.c.id.in_(row_ids))
        await self._database.write(lambda db: db.execute(gone))

    async def ring(self, *, limit: int = 100) -> Sequence[str]:
        now = self._clock()
        due = await self._database.read(lambda db: alarms.due_conversations(db, now, limit))
        return [one for one in due if await self._database.write(partial(self._ring, one, now))]

    def _ring(self, conversation_id: str, now: float, db: Connection) -> bool:
        """Whether reminders of the conversation rang, and nobody had let them ring before."""
        messages = alarms.take_due(db, conversation_id, now)
        for message in messages:
            self._keep(db, message, encode(message))
        return bool(messages)

    async def next_reminder(self) -> float | None:
        return await self._database.read(alarms.next_due)

    async def clear(self, *, older_than_s: float) -> int:
        before = self._clock() - older_than_s
        return await self._database.write(lambda db: clear(db, before=before))

    async def ping(self) -> None:
        found = await self._database.read(schema.current)
        if problem := schema.problem(found, str(self._database)):
            raise Unavailable(problem, outside="The database is of another version of Parley.")

    def _insert(self, table: Table) -> Any:
        """An INSERT that can say ON CONFLICT; each database has its own."""
        return insert(table, is_sqlite=self._database.sqlite)

    def _log(self, db: Connection, conversation_id: str, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        closed = seal_of(db).close
        self._statements.log.add(
            db,
            [
                {**row, "event": closed(row["event"], "event", conversation_id, row["seq"])}
                for row in rows
            ],
        )
        if self._publishing:
            events = f"[{','.join(row['event'] for row in rows)}]"
            aside = {"conversation_id": conversation_id, "events": events}
            db.execute(unpublished.insert(), closed_rows(db, ASIDE, [aside]))

    def _send(self, db: Connection, replies: list[dict[str, Any]]) -> None:
        """Put ``replies`` into the outbox."""
        if seal_of(db).key_id:
            self._statements.send_numbered.add(db, closed_rows(db, REPLY, replies))
        else:
            self._statements.send.add(db, replies)

    def _keep(self, db: Connection, message: Message, body: str) -> Accepted | None:
        """Put ``message`` into the inbox, unless its id is there already."""
        position, stands = self._next_position(db, message.conversation_id)
        closed = seal_of(db).close
        row = {
            "conversation_id": message.conversation_id,
            "position": position,
            "channel": message.channel,
            "account": message.account,
            "message_id": message.message_id,
            "digest": closed(digest(message), "digest", message.conversation_id, position),
            "message": closed(body, "inbox", message.conversation_id, position),
            "accepted_at": self._clock(),
            "tries": 0,
        }
        put = self._statements.put.rows(db, row)
        if not put:
            return None
        before = {"_conversation_id": message.conversation_id, "_position": position}
        [[waits]] = self._statements.waits_before.rows(db, before)
        return Accepted(put[0][0], position, done=False, stands=None if waits else stands)

    def _next_position(self, db: Connection, conversation_id: str) -> tuple[int, Stand]:
        """The position of the next message, and where the conversation stands.

        The conversation's row stays locked.
        """
        now = self._clock()
        row = {
            "id": conversation_id,
            "seq": 0,
            "epoch": 0,
            "next_position": 1,
            "created_at": now,
            "updated_at": now,
        }
        [[after, seq, epoch]] = self._statements.next_position.rows(db, row)
        return after - 1, (seq, epoch)

    async def _repeated(self, message: Message) -> Accepted:
        """The row that has the message's id already. Raises Duplicate, NotFound if it is gone."""
        same = select(inbox.c.id, inbox.c.digest, inbox.c.position).where(
            inbox.c.conversation_id == message.conversation_id,
            inbox.c.channel == message.channel,
            inbox.c.account == message.account,
            inbox.c.message_id == message.message_id,
        )

        def look(db: Connection) -> tuple[int, str]:
            row = db.execute(same).one_or_none()
            if row is None:
                raise NotFound(f"There is no message {message.message_id!r} any more.")
            where = ("digest", message.conversation_id, row.position)
            return row.id, seal_of(db).open(row.digest, *where)

        inbox_id, known = await self._database.read(look)
        if known != digest(message):
            raise Duplicate(f"Message id {message.message_id!r} came before with other content.")
        return await self.accepted(inbox_id)

    def _move(self, db: Connection, conversation_id: str, stands: Stand, *, to: Stand) -> None:
        """Move the conversation on, from where it must stand now; else raise Conflict."""
        (seq, epoch), (new_seq, new_epoch) = stands, to
        now = self._clock()
        moved = {"seq": new_seq, "epoch": new_epoch, "updated_at": now}
        stood = {"_conversation_id": conversation_id, "_seq": seq, "_epoch": epoch}
        if self._statements.move.changed(db, stood | moved):
            return
        row = moved | {"id": conversation_id, "next_position": 0, "created_at": now}
        if stands != (0, 0) or not self._statements.begin.rows(db, row):
            raise Conflict(
                f"Conversation {conversation_id!r} is no longer at seq {seq}, epoch {epoch}."
            )

    def _done(self, db: Connection, conversation_id: str, inbox_id: int) -> bool:
        """Whether the message was not done before; now it is."""
        row = {"_id": inbox_id, "_conversation_id": conversation_id, "done_at": self._clock()}
        return bool(self._statements.done.changed(db, row))


def _event_rows(
    conversation_id: str, events: Sequence[Event], *, after: int
) -> list[dict[str, Any]]:
    return [
        {
            "conversation_id": conversation_id,
            "seq": seq,
            "name": one.__struct_config__.tag,
            "timestamp": one.timestamp,
            "event": encode(one),
        }
        for seq, one in enumerate(events, after + 1)
    ]


def _decoded(conversation_id: str, seq: int, body: str) -> Event:
    try:
        logged: Event = _events.decode(body)
    except msgspec.MsgspecError as error:
        raise ParleyError(
            f"Event {seq} of conversation {conversation_id!r} cannot be read: {error}"
        ) from error
    return logged
