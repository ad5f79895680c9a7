"""Every store in this process's memory: for tests, for `parley shell`; gone when it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count

import msgspec

from bot.dialogue.calls import Call, call_of
from bot.dialogue.events import Event
from bot.dialogue.messages import Message, Reply
from bot.dialogue.tracker import Tracker
from bot.errors import Conflict, Duplicate, NotFound
from bot.store.base import (
    Accepted,
    Cancellation,
    Handoff,
    History,
    Lease,
    Outgoing,
    Reminder,
    Stand,
    Waiting,
)
from bot.store.checks import MISSED_OF, TO_SEND, WENT_OUT, check_id, check_message, digest, encode
from bot.store.session import latest_session

_Key = tuple[str, str, str, str]

MOST_NOTES = 1000  # a follower that reads slower than this loses the oldest


@dataclass(slots=True)
class _Inbox:
    message: Message
    digest: str
    position: int
    at: float
    ended: float | None = None
    tries: int = 0


@dataclass(slots=True)
class _Outbox:
    outgoing: Outgoing
    inbox_id: int | None
    at: float
    state: str = "waiting"
    ended: float | None = None


@dataclass(slots=True)
class _Conversation:
    events: list[Event] = field(default_factory=list)
    epoch: int = 0
    waiting: list[int] = field(default_factory=list)  # inbox ids of what is not done, in order
    next_position: int = 0


class MemoryLog:
    """The Log in a dictionary. No method waits inside, so each is one transaction."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._conversations: dict[str, _Conversation] = {}
        self._inbox: dict[int, _Inbox] = {}
        self._ids: dict[_Key, int] = {}
        self._outbox: dict[int, _Outbox] = {}
        self._reminders: dict[tuple[str, str], Reminder] = {}  # by conversation and name
        self._handoffs: dict[str, Handoff] = {}
        self._row_ids = count(1)

    async def accept(self, message: Message) -> Accepted:
        check_message(message)
        key = _key(message)
        if message.message_id and (inbox_id := self._ids.get(key)):
            if self._inbox[inbox_id].digest != digest(message):
                raise Duplicate(
                    f"Message id {message.message_id!r} came before with other content."
                )
            return await self.accepted(inbox_id)
        inbox_id = self._ids[key] = next(self._row_ids)
        conversation = self._conversations.setdefault(message.conversation_id, _Conversation())
        position = conversation.next_position
        conversation.next_position += 1
        conversation.waiting.append(inbox_id)
        self._inbox[inbox_id] = _Inbox(message, digest(message), position, self._clock())
        stands = len(conversation.events), conversation.epoch
        is_next = len(conversation.waiting) == 1
        return Accepted(inbox_id, position, done=False, stands=stands if is_next else None)

    async def accepted(self, inbox_id: int) -> Accepted:
        if not (row := self._inbox.get(inbox_id)):
            raise NotFound(f"The inbox has no message {inbox_id}.")
        replies = (r.outgoing.reply for r in self._outbox.values() if r.inbox_id == inbox_id)
        done = row.ended is not None
        return Accepted(inbox_id, row.position, done, tuple(replies) if done else ())

    async def tried(self, inbox_id: int) -> int:
        if not (row := self._inbox.get(inbox_id)):
            raise NotFound(f"The inbox has no message {inbox_id}.")
        row.tries += 1
        return row.tries

    async def waiting(self, conversation_id: str) -> Waiting | None:
        conversation = self._conversations.get(conversation_id, _Conversation())
        if not conversation.waiting:
            return None
        inbox_id = conversation.waiting[0]
        return Waiting(inbox_id, self._inbox[inbox_id].message)

    async def unfinished(self, *, older_than_s: float, limit: int = 100) -> Sequence[str]:
        now = self._clock()
        late = [
            (row.at, row.message.conversation_id)
            for row in self._inbox.values()
            if row.ended is None and _is_old(row.at, now, older_than_s)
        ]
        held_up: set[str] = set()  # by a reply that is not due
        for row in self._outbox.values():
            conversation_id = row.outgoing.conversation_id
            if row.state != "waiting" or conversation_id in held_up:
                continue
            if row.outgoing.due_at > now:
                held_up.add(conversation_id)
            elif _is_late(row, now, older_than_s):
                late.append((row.at, conversation_id))
        oldest = dict.fromkeys(conversation for _, conversation in sorted(late))
        return list(oldest)[:limit]

    async def stands(self, conversation_id: str) -> tuple[int, int]:
        conversation = self._conversations.get(conversation_id, _Conversation())
        return len(conversation.events), conversation.epoch

    async def history(self, conversation_id: str, *, all_sessions: bool = False) -> History:
        check_id("The conversation's id", conversation_id)
        conversation = self._conversations.get(conversation_id, _Conversation())
        logged = tuple(conversation.events)
        events = logged if all_sessions else latest_session(logged)
        return History(events, len(logged), conversation.epoch)

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
        for value in (*events, *replies):
            encode(value)
        for each in reminders:
            if isinstance(each, Reminder):
                check_id("The reminder's name", each.name)
                check_message(each.message)
        conversation = self._standing(conversation_id, seq, epoch)
        if inbox_id is not None:
            row = self._inbox.get(inbox_id)
            if row is None or inbox_id not in conversation.waiting:
                raise Conflict(f"Message {inbox_id} of {conversation_id!r} is already done.")
            conversation.waiting.remove(inbox_id)
            row.ended = self._clock()
        self._conversations[conversation_id] = conversation
        conversation.events.extend(events)
        for reply in replies:
            now = self._clock()
            outgoing = Outgoing(next(self._row_ids), conversation_id, channel, reply, now)
            self._outbox[outgoing.outbox_id] = _Outbox(outgoing, inbox_id, outgoing.recorded_at)
            if sent:
                await self.mark_sent(outgoing.outbox_id)
        for each in reminders:
            self._remind(conversation_id, each)
        if call := call_of(events):
            self._called(conversation_id, call)
        return len(conversation.events)

    def _called(self, conversation_id: str, call: Call) -> None:
        there = self._handoffs.get(conversation_id)
        if call.wanted and not there:
            wanted = Handoff(conversation_id, None, call.by, self._clock())
            self._handoffs[conversation_id] = wanted
        elif not call.wanted and there and not there.agent:
            del self._handoffs[conversation_id]

    async def replace(
        self, conversation_id: str, events: Sequence[Event], *, seq: int, epoch: int
    ) -> int:
        check_id("The conversation's id", conversation_id)
        for event in events:
            encode(event)
        conversation = self._standing(conversation_id, seq, epoch)
        self._conversations[conversation_id] = conversation
        conversation.events = list(events)
        conversation.epoch += 1
        return len(events)

    def _standing(self, conversation_id: str, seq: int, epoch: int) -> _Conversation:
        """The conversation, a new one if there is none; Conflict unless it stands there."""
        conversation = self._conversations.get(conversation_id, _Conversation())
        if (seq, epoch) != (len(conversation.events), conversation.epoch):
            raise Conflict(
                f"Conversation {conversation_id!r} is no longer at seq {seq}, epoch {epoch}."
            )
        return conversation

    def _remind(self, conversation_id: str, change: Reminder | Cancellation) -> None:
        if isinstance(change, Reminder):
            self._reminders[conversation_id, change.name] = change
            return
        for key, one in list(self._reminders.items()):
            if key[0] == conversation_id and change.fits(one.message):
                del self._reminders[key]

    async def ring(self, *, limit: int = 100) -> Sequence[str]:
        now = self._clock()
        due = sorted((r.due_at, key) for key, r in self._reminders.items() if r.due_at <= now)
        names = list(dict.fromkeys(conversation_id for _, (conversation_id, _) in due))[:limit]
        for key in (key for _, key in due if key[0] in names):
            message = self._reminders.pop(key).message
            await self.accept(msgspec.structs.replace(message, received=now))
        return names

    async def next_reminder(self) -> float | None:
        return min((each.due_at for each in self._reminders.values()), default=None)

    async def clear(self, *, older_than_s: float) -> int:
        before = self._clock() - older_than_s
        messages = [i for i, row in self._inbox.items() if _ended(row, before)]
        replies = [i for i, row in self._outbox.items() if _ended(row, before)]
        for inbox_id in messages:
            self._ids.pop(_key(self._inbox.pop(inbox_id).message), None)
        for outbox_id in replies:
            del self._outbox[outbox_id]
        return len(messages) + len(replies)

    async def outgoing(self, conversation_id: str) -> Sequence[Outgoing]:
        return [
            row.outgoing
            for row in self._outbox.values()
            if row.outgoing.conversation_id == conversation_id and row.state == "waiting"
        ]

    async def missed(self, conversation_id: str) -> Sequence[Outgoing]:
        own = [
            inbox_id
            for inbox_id, row in self._inbox.items()
            if row.message.conversation_id == conversation_id
        ]
        latest = set(own[-MISSED_OF:])
        return [
            row.outgoing
            for row in self._outbox.values()
            if row.outgoing.conversation_id == conversation_id and row.state == "missed"
            if row.inbox_id is None or row.inbox_id in latest
        ]

    async def begin_sending(
        self, outbox_id: int, *, part: int, after: tuple[int, float | None] | None = None
    ) -> float | None:
        row = self._outbox.get(outbox_id)
        if row is None or row.state not in TO_SEND:
            return None
        if after not in (None, (row.outgoing.part, row.outgoing.begun_at)):
            return None
        row.outgoing = replace(row.outgoing, part=part, begun_at=self._clock())
        return row.outgoing.begun_at

    async def mark_sent(
        self,
        outbox_id: int,
        *,
        state: str = "sent",
        error: str = "",
        part: int | None = None,
        begun: float | None = None,
    ) -> None:
        row = self._sent(outbox_id)
        is_anothers = begun is not None and begun != row.outgoing.begun_at
        if is_anothers and (row.state in TO_SEND or state not in WENT_OUT):
            return
        if row.state != "withdrawn" or state in WENT_OUT:
            row.state = state
        row.ended = self._clock()
        if not is_anothers:
            goes_on = row.outgoing.part if part is None else part
            row.outgoing = replace(row.outgoing, part=goes_on, begun_at=None)

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
        row = self._sent(outbox_id)
        if begun is None or begun == row.outgoing.begun_at:
            later = {"due_at": due_at, "part": part, "tries": tries, "begun_at": None}
            row.outgoing = replace(row.outgoing, **later)  # type: ignore[arg-type]

    async def is_on_its_way(self, conversation_id: str, *, since: float) -> bool:
        return any(
            row.state == "withdrawn" and (row.outgoing.begun_at or -1.0) >= since
            for row in self._outbox.values()
            if row.outgoing.conversation_id == conversation_id
        )

    async def ask_for_person(self, conversation_id: str, *, reason: str = "") -> Handoff:
        check_id("The conversation's id", conversation_id)
        wanted = Handoff(conversation_id, None, reason, self._clock())
        return self._handoffs.setdefault(conversation_id, wanted)

    async def take_over(
        self, conversation_id: str, events: Sequence[Event], *, seq: int, epoch: int, agent: str
    ) -> int:
        check_id("The conversation's id", conversation_id)
        for event in events:
            encode(event)
        conversation = self._standing(conversation_id, seq, epoch)
        self._conversations[conversation_id] = conversation
        conversation.events.extend(events)
        conversation.epoch += 1
        for row in self._outbox.values():
            theirs = row.outgoing.conversation_id == conversation_id
            if theirs and row.state in ("waiting", "missed") and row.inbox_id is not None:
                row.state, row.ended = "withdrawn", self._clock()
        asked = self._handoffs.get(conversation_id)
        reason = asked.reason if asked else ""
        self._handoffs[conversation_id] = Handoff(conversation_id, agent, reason, self._clock())
        return len(conversation.events)

    async def hand_back(
        self, conversation_id: str, events: Sequence[Event], *, seq: int, epoch: int
    ) -> int:
        await self.commit(conversation_id, events, seq=seq, epoch=epoch)
        self._handoffs.pop(conversation_id, None)
        return seq + len(events)

    async def handoff(self, conversation_id: str) -> Handoff | None:
        return self._handoffs.get(conversation_id)

    async def handoffs(
        self, *, taken: bool | None = None, agent: str | None = None, limit: int = 100
    ) -> Sequence[Handoff]:
        found = [
            each
            for each in self._handoffs.values()
            if taken in (None, each.agent is not None) and agent in (None, each.agent)
        ]
        return sorted(found, key=lambda each: each.since)[:limit]

    def _sent(self, outbox_id: int) -> _Outbox:
        if not (row := self._outbox.get(outbox_id)):
            raise NotFound(f"The outbox has no reply {outbox_id}.")
        return row

    async def ping(self) -> None:
        """Memory always answers."""


def _key(message: Message) -> _Key:
    return message.conversation_id, message.channel, message.account, message.message_id


def _is_late(row: _Outbox, now: float, older_than_s: float) -> bool:
    due_at = row.outgoing.due_at
    return due_at <= now if due_at else _is_old(row.at, now, older_than_s)


def _is_old(at: float, now: float, older_than_s: float) -> bool:
    """Whether that is so long ago, or of the future: then the clock was set back."""
    return at <= now - older_than_s or at > now + older_than_s


def _ended(row: _Inbox | _Outbox, before: float) -> bool:
    return row.ended is not None and row.ended < before


class MemoryTrackers:
    """The trackers used last, at most ``most`` of them."""

    def __init__(self, *, most: int = 10_000) -> None:
        self._most = most
        self._kept: dict[str, tuple[Tracker, int]] = {}

    async def load(
        self, conversation_id: str, *, stands: Stand | None = None
    ) -> tuple[Tracker, int] | None:
        return self._kept.get(conversation_id)

    async def keep(self, tracker: Tracker, *, epoch: int) -> None:
        if kept := self._kept.pop(tracker.conversation_id, None):
            before, epoch_before = kept
            if (epoch_before, before.seq) > (epoch, tracker.seq):
                tracker, epoch = kept
        self._kept[tracker.conversation_id] = (tracker, epoch)
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]

    async def forget(self, conversation_id: str) -> None:
        self._kept.pop(conversation_id, None)

    async def kept_events(self, conversation_id: str) -> list[Event]:
        kept = self._kept.get(conversation_id)
        return list(kept[0].events) if kept else []

    async def erase(self, conversation_id: str, *, epoch: int) -> int:
        kept = self._kept.pop(conversation_id, None)
        return len(kept[0].events) if kept else 0


class MemoryLeases:
    """Leases among the tasks of this process."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Lease] = {}

    @asynccontextmanager
    async def hold(self, conversation_id: str, *, kind: str = "lease") -> AsyncIterator[Lease]:
        key = conversation_id, kind
        if other := self._held.get(key):
            other.wanted = True
            yield Lease(held=False)
            return
        lease = self._held[key] = Lease(held=True, wanted=False)
        try:
            yield lease
        finally:
            del self._held[key]


class MemoryNews:
    """News among the tasks of this process."""

    def __init__(self) -> None:
        self._followers: dict[str, set[asyncio.Queue[str]]] = {}

    async def publish(self, conversation_id: str, note: str) -> None:
        for queue in self._followers.get(conversation_id, ()):
            put(queue, note)

    @asynccontextmanager
    async def follow(self, conversation_id: str) -> AsyncIterator[AsyncIterator[str]]:
        queue: asyncio.Queue[str] = asyncio.Queue(MOST_NOTES)
        self._followers.setdefault(conversation_id, set()).add(queue)
        try:
            yield Notes(queue)
        finally:
            self._followers[conversation_id].discard(queue)
            if not self._followers[conversation_id]:
                del self._followers[conversation_id]


def put(queue: asyncio.Queue[str], note: str) -> None:
    """Add ``note``; the oldest goes when the queue is full."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(note)


class Notes:
    """What comes into a queue, without end; giving up on the next note does not end it."""

    def __init__(self, queue: asyncio.Queue[str]) -> None:
        self._queue = queue

    def __aiter__(self) -> Notes:
        return self

    async def __anext__(self) -> str:
        return await self._queue.get()
