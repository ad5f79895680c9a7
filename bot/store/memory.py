"""Every store in this process's memory: for tests, for `parley shell`; gone when it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.dialogue.events import Event
from bot.dialogue.messages import Message, Reply
from bot.dialogue.tracker import Tracker
from bot.errors import Conflict, Duplicate, NotFound
from bot.store.base import Accepted, History, Outgoing, Waiting
from bot.store.checks import check_id, check_message, digest, encode
from bot.store.session import latest_session

MOST_NOTES = 1000  # a follower that reads slower than this loses the oldest


@dataclass(slots=True)
class _Inbox:
    message: Message
    digest: str
    position: int
    at: float
    done: bool = False
    tries: int = 0


@dataclass(slots=True)
class _Outbox:
    outgoing: Outgoing
    inbox_id: int | None
    at: float
    state: str


@dataclass(slots=True)
class _Conversation:
    events: list[Event] = field(default_factory=list)
    epoch: int = 0
    messages: list[int] = field(default_factory=list)  # inbox ids, by position


class MemoryLog:
    """The Log in a dictionary. No method waits inside, so each is one transaction."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._conversations: dict[str, _Conversation] = {}
        self._inbox: dict[int, _Inbox] = {}
        self._ids: dict[tuple[str, str, str, str], int] = {}
        self._outbox: dict[int, _Outbox] = {}

    async def accept(self, message: Message) -> Accepted:
        check_message(message)
        key = (message.conversation_id, message.channel, message.account, message.message_id)
        if message.message_id and (inbox_id := self._ids.get(key)):
            if self._inbox[inbox_id].digest != digest(message):
                raise Duplicate(
                    f"Message id {message.message_id!r} came before with other content."
                )
            return await self.accepted(inbox_id)
        inbox_id = self._ids[key] = len(self._inbox) + 1
        conversation = self._conversations.setdefault(message.conversation_id, _Conversation())
        position = len(conversation.messages)
        conversation.messages.append(inbox_id)
        self._inbox[inbox_id] = _Inbox(message, digest(message), position, self._clock())
        return Accepted(inbox_id, position, done=False)

    async def accepted(self, inbox_id: int) -> Accepted:
        if not (row := self._inbox.get(inbox_id)):
            raise NotFound(f"The inbox has no message {inbox_id}.")
        replies = (r.outgoing.reply for r in self._outbox.values() if r.inbox_id == inbox_id)
        return Accepted(inbox_id, row.position, row.done, tuple(replies) if row.done else ())

    async def tried(self, inbox_id: int) -> int:
        if not (row := self._inbox.get(inbox_id)):
            raise NotFound(f"The inbox has no message {inbox_id}.")
        row.tries += 1
        return row.tries

    async def waiting(self, conversation_id: str) -> Waiting | None:
        conversation = self._conversations.get(conversation_id, _Conversation())
        for inbox_id in conversation.messages:
            if not (row := self._inbox[inbox_id]).done:
                return Waiting(inbox_id, row.message)
        return None

    async def unfinished(self, *, older_than_s: float, limit: int = 100) -> Sequence[str]:
        before = self._clock() - older_than_s
        late = [
            (row.at, row.message.conversation_id) for row in self._inbox.values() if not row.done
        ]
        late += [
            (row.at, row.outgoing.conversation_id)
            for row in self._outbox.values()
            if row.state == "waiting"
        ]
        oldest = dict.fromkeys(conversation for at, conversation in sorted(late) if at <= before)
        return list(oldest)[:limit]

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
    ) -> int:
        check_id("The conversation's id", conversation_id)
        for value in (*events, *replies):
            encode(value)
        conversation = self._standing(conversation_id, seq, epoch)
        if inbox_id is not None:
            row = self._inbox.get(inbox_id)
            if row is None or row.done or row.message.conversation_id != conversation_id:
                raise Conflict(f"Message {inbox_id} of {conversation_id!r} is already done.")
            row.done = True
        self._conversations[conversation_id] = conversation
        conversation.events.extend(events)
        for reply in replies:
            outgoing = Outgoing(len(self._outbox) + 1, conversation_id, channel, reply)
            state = "sent" if sent else "waiting"
            self._outbox[outgoing.outbox_id] = _Outbox(outgoing, inbox_id, self._clock(), state)
        return len(conversation.events)

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

    async def outgoing(self, conversation_id: str) -> Sequence[Outgoing]:
        return [
            row.outgoing
            for row in self._outbox.values()
            if row.outgoing.conversation_id == conversation_id and row.state == "waiting"
        ]

    async def mark_sent(self, outbox_id: int, *, state: str = "sent") -> None:
        if not (row := self._outbox.get(outbox_id)):
            raise NotFound(f"The outbox has no reply {outbox_id}.")
        row.state = state

    async def ping(self) -> None:
        """Memory always answers."""


class MemoryTrackers:
    """The trackers used last, at most ``most`` of them."""

    def __init__(self, *, most: int = 10_000) -> None:
        self._most = most
        self._kept: dict[str, tuple[Tracker, int]] = {}

    async def load(self, conversation_id: str) -> tuple[Tracker, int] | None:
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


class MemoryLeases:
    """Leases among the tasks of this process."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    @asynccontextmanager
    async def hold(self, conversation_id: str) -> AsyncIterator[bool]:
        if conversation_id in self._held:
            yield False
            return
        self._held.add(conversation_id)
        try:
            yield True
        finally:
            self._held.discard(conversation_id)


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
