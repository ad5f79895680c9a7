"""What the rest of Parley asks of its stores."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from bot.dialogue.events import Event
from bot.dialogue.messages import Message, Reply
from bot.dialogue.tracker import Tracker
from nlu.parse import Entity, Parse

Stand = tuple[int, int]  # a conversation's seq and epoch; (0, 0) when nothing was ever logged of it


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message in the inbox: its row, its position in the conversation, whether it is done.

    ``replies`` are the stored answers once ``done``. ``stands`` is of a message just accepted with
    none before it: the conversation's seq and epoch at that moment.
    """

    inbox_id: int
    position: int
    done: bool
    replies: tuple[Reply, ...] = ()
    stands: Stand | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message not yet done, next in its conversation.

    ``stands``, if known, is where the conversation stood when the message came.
    """

    inbox_id: int
    message: Message
    stands: Stand | None = None


@dataclass(frozen=True, slots=True)
class History:
    """A conversation as the log has it: its events, oldest first, and where it stands.

    ``events`` are those of the latest session unless all were asked for; ``seq`` counts every
    event logged; ``epoch`` is raised when a person takes over or events are replaced.
    """

    events: tuple[Event, ...]
    seq: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A reply to send: its outbox row, in the order in which it must go out.

    It was recorded at ``recorded_at``, has been tried ``tries`` times and is not to be tried
    before ``due_at``, both in seconds since the epoch. ``part`` is the next of its payloads;
    ``begun_at`` when somebody began to send that one who has not said yet how it ended.
    """

    outbox_id: int
    conversation_id: str
    channel: str
    reply: Reply
    recorded_at: float = 0.0
    tries: int = 0
    due_at: float = 0.0
    part: int = 0
    begun_at: float | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A reply and what became of it: ``error`` says why it was not sent."""

    outgoing: Outgoing
    state: str
    recorded_at: float
    settled_at: float | None
    error: str


@dataclass(frozen=True, slots=True)
class Handoff:
    """A conversation that ``agent`` has, or, where that is None, that a person is asked for.

    ``since`` is in seconds since the epoch.
    """

    conversation_id: str
    agent: str | None
    reason: str
    since: float


@dataclass(frozen=True, slots=True)
class Reminder:
    """A message that is accepted at ``due_at``, in seconds since the epoch.

    Unique by the conversation and the name in ``message.reminder``: a later one takes the place
    of an earlier one.
    """

    due_at: float
    message: Message

    @property
    def name(self) -> str:
        """Its name within the conversation."""
        return self.message.reminder.name if self.message.reminder else ""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Takes away those reminders of a conversation that fit everything given; all, if nothing."""

    name: str | None = None
    intent: str | None = None
    entities: tuple[Entity, ...] | None = None

    def fits(self, reminder: Message) -> bool:
        """Whether it takes away the reminder that would say ``reminder``."""
        parse = reminder.parse or Parse(reminder.text)
        name = reminder.reminder.name if reminder.reminder else None
        return (
            self.name in (None, name)
            and self.intent in (None, parse.intent.name)
            and self.entities in (None, parse.entities)
        )


class Log(Protocol):
    """The log of every event: one database, one transaction per turn.

    Every method raises Unavailable when the database cannot be reached; then nothing was written.
    """

    async def accept(self, message: Message) -> Accepted:
        """Commit ``message`` to the inbox, or give back the row it already has.

        Unique by (conversation, channel account, message id); an empty id is never a duplicate.
        Raises Duplicate when the id came with another body.
        """
        ...

    async def accepted(self, inbox_id: int) -> Accepted:
        """How the message of ``inbox_id`` stands now."""
        ...

    async def tried(self, inbox_id: int) -> int:
        """Record one more try of the message that did not end well; how many there were."""
        ...

    async def waiting(self, conversation_id: str) -> Waiting | None:
        """The first message not done, None when the inbox is empty."""
        ...

    async def unfinished(self, *, older_than_s: float, limit: int = 100) -> Sequence[str]:
        """Conversations with messages not done, or replies not sent, for that long; and those with
        replies that are due again. What waits behind a reply that is not due is none."""
        ...

    async def stands(self, conversation_id: str) -> Stand:
        """The conversation's seq and epoch, as of its history; 0 and 0 of an unknown one."""
        ...

    async def history(self, conversation_id: str, *, all_sessions: bool = False) -> History:
        """What is logged; an unknown conversation has no events, seq 0, epoch 0."""
        ...

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
        """Append ``events``, record ``replies``, mark the message done; all or nothing.

        ``reminders`` are scheduled and cancelled in their order. Events that silence the bot put
        the conversation into the queue for a person; those that end it take it out where nobody
        has it.
        ``sent`` records the replies as already delivered (a waiting REST request takes them).
        Returns the new seq. Raises Conflict when ``seq`` or ``epoch`` is not what is stored.
        """
        ...

    async def replace(
        self, conversation_id: str, events: Sequence[Event], *, seq: int, epoch: int
    ) -> int:
        """Put ``events`` in the place of every one that is logged, and raise the epoch.

        All or nothing. Returns the new seq, their number. Raises Conflict as ``commit`` does; so
        does the commit of a turn that began before.
        """
        ...

    async def outgoing(self, conversation_id: str) -> Sequence[Outgoing]:
        """Replies not yet sent, in order."""
        ...

    async def missed(self, conversation_id: str) -> Sequence[Outgoing]:
        """Replies to its latest messages, and to none, that nobody was there to take, in order."""
        ...

    async def begin_sending(
        self, outbox_id: int, *, part: int, after: tuple[int, float | None] | None = None
    ) -> float | None:
        """Note that ``part`` is being sent; gives ``begun_at``, None when the reply is no longer
        to be sent.

        With ``after``, its ``part`` and ``begun_at`` as they must stand; None then also when
        another has gone on with it.
        """
        ...

    async def mark_sent(
        self,
        outbox_id: int,
        *,
        state: str = "sent",
        error: str = "",
        part: int | None = None,
        begun: float | None = None,
    ) -> None:
        """Record how sending ended: ``sent``, ``failed``, ``unknown`` or ``missed``.

        Who sends it again begins with ``part``, if given, else with the one begun last.
        What was withdrawn meanwhile stays so unless it is ``sent`` or ``unknown``. ``begun`` is
        the ``begun_at`` of who says so: where another has begun since, it is left to him.
        """
        ...

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
        """Let the reply wait until ``due_at``; it then goes on with ``part``.

        ``begun``: as in ``mark_sent``.
        """
        ...

    async def is_on_its_way(self, conversation_id: str, *, since: float) -> bool:
        """Whether a call that began ``since`` may still deliver what a person has withdrawn."""
        ...

    async def ask_for_person(self, conversation_id: str, *, reason: str = "") -> Handoff:
        """Put the conversation into the queue; where it is in it, or taken, that stays."""
        ...

    async def take_over(
        self, conversation_id: str, events: Sequence[Event], *, seq: int, epoch: int, agent: str
    ) -> int:
        """Append ``events``, raise the epoch, and withdraw the bot's replies that wait or were
        missed; ``agent`` has the conversation.

        All or nothing. Returns the new seq. Raises Conflict as ``commit`` does; so does the commit
        of a turn that began before.
        """
        ...

    async def hand_back(
        self, conversation_id: str, events: Sequence[Event], *, seq: int, epoch: int
    ) -> int:
        """Append ``events``; nobody has the conversation. As ``commit`` otherwise."""
        ...

    async def handoff(self, conversation_id: str) -> Handoff | None:
        """Who has the conversation or is asked for, None when it is the bot's."""
        ...

    async def handoffs(
        self, *, taken: bool | None = None, agent: str | None = None, limit: int = 100
    ) -> Sequence[Handoff]:
        """Those that are taken, or wait, or both; the longest first."""
        ...

    async def ring(self, *, limit: int = 100) -> Sequence[str]:
        """Accept the messages of the reminders that are due, and forget these reminders.

        Each rings once, whoever rings. Gives their conversations, at most ``limit``: those that
        are overdue longest.
        """
        ...

    async def next_reminder(self) -> float | None:
        """When the next reminder is due, None when there is none."""
        ...

    async def clear(self, *, older_than_s: float) -> int:
        """Delete messages done, and replies settled, that long ago; how many rows went.

        A message deleted is no longer known when it is repeated. Events stay. Some may be left
        for the next time.
        """
        ...

    async def ping(self) -> None:
        """Raises Unavailable unless the database answers and its schema is current."""
        ...


class TrackerStore(Protocol):
    """Live trackers. May forget at any time; never an error, only slower."""

    async def load(
        self, conversation_id: str, *, stands: Stand | None = None
    ) -> tuple[Tracker, int] | None:
        """The tracker and its epoch as kept last, None when it is not there.

        ``stands`` is where the log was a moment ago: a tracker at hand that stands there will do.
        """
        ...

    async def keep(self, tracker: Tracker, *, epoch: int) -> None:
        """Remember ``tracker``; an older one never replaces a newer one (by seq and epoch)."""
        ...

    async def forget(self, conversation_id: str) -> None:
        """Drop what is kept of the conversation."""
        ...

    async def kept_events(self, conversation_id: str) -> Sequence[Event]:
        """The events that are kept, for who asks what is held of him. Raises Unavailable."""
        ...

    async def erase(self, conversation_id: str, *, epoch: int) -> int:
        """Drop it for ever, and keep nothing from before ``epoch``; how many events there were.

        Raises Unavailable when it cannot be dropped now, unlike the others.
        """
        ...


@dataclass(slots=True)
class Lease:
    """A lease that was asked for; true while it is ``held``, as far as is known here.

    ``wanted`` is known after the block: somebody else was, or may have been, refused it meanwhile.
    """

    held: bool
    wanted: bool = True

    def __bool__(self) -> bool:
        return self.held


class Leases(Protocol):
    """The right to work on a conversation. Spares work; the comparison at commit keeps it right."""

    def hold(
        self, conversation_id: str, *, kind: str = "lease"
    ) -> AbstractAsyncContextManager[Lease]:
        """Hold the lease inside the block, renewed meanwhile, unless another holds it.

        Leases of different ``kind`` are for different work, and do not exclude each other.
        """
        ...


class News(Protocol):
    """Tells every process that something happened in a conversation."""

    async def publish(self, conversation_id: str, note: str) -> None:
        """Say ``note`` to whoever follows the conversation; lost when nobody does."""
        ...

    def follow(self, conversation_id: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """The notes published from entering the block on."""
        ...
