"""The inbox: accept a message, have it answered in its turn, sweep up after a dead worker."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

import structlog
from structlog.contextvars import bound_contextvars

from bot.apology import apologise
from bot.dialogue.messages import Message, Reply
from bot.errands import Errands, Waiters
from bot.errors import Conflict, NotFound, Timeout, Unavailable
from bot.model.serving import Serving
from bot.places import Places
from bot.reminders import ring
from bot.reply import Sender, send_replies
from bot.services import Services
from bot.stopwatch import Stopwatch
from bot.store.base import Accepted, Waiting
from bot.store.sealing import Locked
from bot.turn import Done, Told, take_turn
from bot.understand import expect

POLL_S = 0.5  # how often to look whether another worker has answered, when no news comes
MOST_CONFLICTS = 10
MOST_SPARED = 10_000
TRY_AGAIN_S = 0.2
CLOSING = "The server is closing; ask again soon."

log = structlog.get_logger(__name__)


class TakeTurn(Protocol):
    """``bot.turn.take_turn``, or what stands in for it."""

    def __call__(
        self, waiting: Waiting, parley: Services, *, pushing: Collection[str], told: Told
    ) -> Awaitable[Done]: ...


class CountTurn(Protocol):
    """``Metrics.turn``."""

    def __call__(self, *, channel: str, outcome: str, steps_ms: Mapping[str, float]) -> None: ...


class WatchTurn(Protocol):
    """``bot.model.rollout.Rollouts.saw``."""

    def __call__(self, conversation_id: str, done: Done, outcome: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an inbox does, and how patiently."""

    turns_at_once: int = 32
    conversations: int = 1000  # at work or waited for, here; more are refused
    messages: int = 50  # waited for of one conversation, so that it keeps nobody else out
    accepted_at_once: int = 8
    in_line_s: float = 2.0  # new messages that would wait longer for their turn are refused
    tries: int = 5  # of a message whose turn breaks; then the user is told
    sweep_s: float = 2.0
    late_s: float = 5.0  # a message or reply this old is the sweep's business
    close_s: float = 10.0  # for the turns in hand, when the server ends


@dataclass(slots=True)
class _Next:
    """The message to be answered next in its conversation."""

    waiting: Waiting
    answered: bool = False


class Inbox:
    """Every message is committed first; then whoever holds the conversation's lease answers it.

    An async context manager: work goes on inside the block. When it ends nothing more is taken,
    turns in hand may finish for ``close_s``; what is left is answered after the next start.

    Args:
        serving: Whose model takes the turns; without it, that of ``parley``. While no model is
            loaded messages are kept and their senders told nothing.
        senders: The channels that are called with their replies, by name; others are asked.
        count: Told of every turn: ``Metrics.turn``.
        watch: Shown what every turn did: ``Rollouts.saw``.
        clean: What is stored of a message: ``bot.privacy.incoming.cleaning``.
    """

    def __init__(
        self,
        parley: Services,
        *,
        serving: Serving | None = None,
        take_turn: TakeTurn = take_turn,
        senders: Mapping[str, Sender] | None = None,
        count: CountTurn | None = None,
        watch: WatchTurn | None = None,
        clean: Callable[[Message], Message] = lambda message: message,
        limits: Limits | None = None,
    ) -> None:
        self._parley = parley
        self._serving = serving
        self._take_turn = take_turn
        self._senders = senders or {}
        self._count, self._watch = count, watch
        self._clean = clean
        self._limits = limits or Limits()
        self._group = asyncio.TaskGroup()
        self._turns = Errands(self._group, self._drain)
        self._sends = Errands(self._group, self._send)
        self._at_once = Places(self._limits.turns_at_once)
        # Turns in hand come first: who is let in uses what they need.
        self._door = Places(self._limits.accepted_at_once)
        self._waiters = Waiters()
        # What was accepted here just now with nothing before it; it need not be looked up.
        self._next: dict[str, _Next] = {}
        self._swept: set[str] = set()
        # How often a message was put off here: that is no sign of what it does to a worker.
        self._spared: Counter[int] = Counter()
        self._closing = asyncio.Event()
        self._ringing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._group.create_task(self._sweep_up())
        self._ringing = self._group.create_task(
            ring(self._parley, self._turns.start, room=self._room_for_reminders)
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        if self._ringing:
            self._ringing.cancel()
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._limits.close_s
        await self._turns.close(self._limits.close_s)
        # After the turns: what the last of them said is being sent by now.
        await self._sends.close(max(0.0, ends - loop.time()))
        await self._group.__aexit__(kind, error, trace)

    def _room_for_reminders(self) -> int:
        """Half of everything at most, so that users are served."""
        return self._limits.conversations // 2 - len(self._turns)

    async def accept(self, message: Message) -> Accepted:
        """Commit ``message`` and see to its answer; a repeated one has its row already.

        Raises Unavailable when the log cannot be reached or too much is in hand, Duplicate and
        BadRequest as the log does.
        """
        if self._closing.is_set():
            raise Unavailable(CLOSING)
        self._check_room(message.conversation_id)
        message = self._clean(message)
        log.debug("message.received", conversation=message.conversation_id, text=message.text)
        async with self._door.place():
            self._check_in_time()  # it may have become slower meanwhile
            self._expect(message)
            accepted = await self._parley.log.accept(message)
        if not accepted.done:
            self._begin(message, accepted)
        return accepted

    def _begin(self, message: Message, accepted: Accepted) -> None:
        """See to the answer of what was accepted."""
        if accepted.stands is None:  # others wait before it
            self._turns.start(message.conversation_id)
            return
        next_ = _Next(Waiting(accepted.inbox_id, message, accepted.stands))
        self._next[message.conversation_id] = next_
        self._turns.start(message.conversation_id, unless=lambda: next_.answered)

    def _expect(self, message: Message) -> None:
        """Let the model begin while the message is committed, if its turn comes next."""
        if self._serves() and not self._waiters.of(message.conversation_id):
            with self._model(message.conversation_id) as parley:
                expect(message, parley)

    def _check_room(self, conversation_id: str) -> None:
        """Raises Unavailable when this is too much to wait for, here or for others."""
        if max(len(self._turns), len(self._waiters)) >= self._limits.conversations:
            raise Unavailable(f"{self._limits.conversations} conversations are at work already.")
        if self._waiters.of(conversation_id) >= self._limits.messages:
            raise Unavailable(
                f"{self._limits.messages} messages of this conversation wait already."
            )
        self._check_in_time()

    def _check_in_time(self) -> None:
        if self._at_once.expected_s + self._door.expected_s > self._limits.in_line_s:
            raise Unavailable("More is asked than can be answered now.")

    async def answer(self, message: Message, timeout_s: float) -> tuple[Reply, ...]:
        """Accept ``message`` and wait for its replies, whichever worker makes them.

        Raises Timeout when they are not there in time, Locked when a key is missing; the same
        message id gets them later.
        """
        try:
            async with asyncio.timeout(timeout_s):
                accepted = await self.accept(message)
                if accepted.done or not self._serves():
                    return accepted.replies
                with self._waiters.wait(message.conversation_id, accepted.inbox_id) as waiter:
                    replies = await waiter
                if replies is None:
                    replies = await self._elsewhere(message.conversation_id, accepted.inbox_id)
                return replies
        except TimeoutError as error:
            raise Timeout(
                f"No answer within {timeout_s:g} seconds. It will be stored: ask again with the "
                "same message id."
            ) from error

    async def _elsewhere(self, conversation_id: str, inbox_id: int) -> tuple[Reply, ...]:
        """The replies to a message that this worker does not work on now."""
        async with self._parley.news.follow(conversation_id) as notes:
            while not (accepted := await self._parley.log.accepted(inbox_id)).done:
                if self._closing.is_set():
                    raise Unavailable(CLOSING)
                if not self._serves():
                    break
                try:
                    async with asyncio.timeout(POLL_S):
                        await anext(notes)
                except TimeoutError:
                    continue
        return accepted.replies

    def send(self, conversation_id: str) -> None:
        """See to the replies of the conversation that wait to be sent."""
        self._sends.start(conversation_id)

    def _serves(self) -> bool:
        return self._serving is None or self._serving.loaded is not None

    @contextmanager
    def _model(self, conversation_id: str) -> Iterator[Services]:
        """What a turn is handed; the model stays open within the block."""
        if self._serving is None:
            yield self._parley
        else:
            with self._serving.use(conversation_id) as loaded:
                yield loaded.parley

    # One conversation

    async def _drain(self, conversation_id: str) -> None:
        """Answer what waits in the conversation, in order, with the right to."""
        try:
            while not self._closing.is_set():
                async with self._parley.leases.hold(conversation_id) as lease:
                    if not lease or not await self._empty(conversation_id):
                        return
                # Whoever was refused the lease meanwhile relies on us.
                if not lease.wanted or await self._parley.log.waiting(conversation_id) is None:
                    return
        except Unavailable as error:
            log.warning("inbox.postponed", conversation=conversation_id, error=str(error))
            if isinstance(error, Locked):  # to wait here would change nothing
                self._waiters.refuse(conversation_id, error)
        except NotFound as error:  # it was erased meanwhile
            log.info("inbox.gone", error=str(error))
        except Exception:
            log.exception("inbox.failed", conversation=conversation_id)
        finally:
            self._swept.discard(conversation_id)
            if self._closing.is_set() or not self._turns.is_asked_again(conversation_id):
                self._next.pop(conversation_id, None)
                self._waiters.look_elsewhere(conversation_id)

    async def _empty(self, conversation_id: str) -> bool:
        """Whether every message was answered; the sweep comes back for what is left.

        One known to be next is the only one but for those that came since, and who accepted them
        says so: here by another errand, elsewhere by asking for the lease.
        """
        while next_ := await self._first(conversation_id):
            waiting = next_.waiting
            async with self._at_once.place():
                if self._closing.is_set() or not self._serves():
                    return False
                message = waiting.message
                with bound_contextvars(conversation=conversation_id, message=message.message_id):
                    if not await self._answered(waiting):
                        return False
            known = self._next.get(conversation_id)
            if known and known.waiting.inbox_id == waiting.inbox_id:
                known.answered = True
                del self._next[conversation_id]
                return True
        return True

    async def _first(self, conversation_id: str) -> _Next | None:
        """The message to answer next."""
        if known := self._next.get(conversation_id):
            return known
        waiting = await self._parley.log.waiting(conversation_id)
        return _Next(waiting) if waiting else None

    async def _answered(self, waiting: Waiting) -> bool:
        """Take the turn, again when it is refused or breaks, and at last apologise."""
        log_ = self._parley.log
        take: TakeTurn = self._take_turn
        waited_ms = self._waited_ms(waiting.message)
        if waiting.message.conversation_id in self._swept:
            # Somebody left it, perhaps by dying of it; not this worker, as often as it knows why.
            self._swept.discard(waiting.message.conversation_id)
            died = await log_.tried(waiting.inbox_id) - self._spared[waiting.inbox_id]
            if died > self._limits.tries:
                take = apologise
        for _ in range(MOST_CONFLICTS):
            try:
                with self._model(waiting.message.conversation_id) as parley:
                    told = partial(self._told, waiting)
                    done = await take(waiting, parley, pushing=self._senders.keys(), told=told)
            except Conflict:
                waiting = replace(waiting, stands=None)
                self._tell(waiting, "conflict")
                if (await log_.accepted(waiting.inbox_id)).done:
                    return True
            except Unavailable as error:
                self._tell(waiting, "postponed", error=str(error))
                self._spare(waiting.inbox_id)
                if isinstance(error, Locked):
                    raise
                return False
            except Exception:
                log.exception("turn.failed", inbox_id=waiting.inbox_id)
                self._tell(waiting, "failed")
                if take is apologise:
                    return False
                if await log_.tried(waiting.inbox_id) >= self._limits.tries:
                    take = apologise
                else:
                    await asyncio.sleep(TRY_AGAIN_S)
            else:
                outcome = "done" if take is not apologise else "given_up"
                self._spared.pop(waiting.inbox_id, None)
                self._finish(waiting, done, outcome, waited_ms)
                return True
        return False

    def _spare(self, inbox_id: int) -> None:
        self._spared[inbox_id] += 1
        if len(self._spared) > MOST_SPARED:
            del self._spared[next(iter(self._spared))]

    def _waited_ms(self, message: Message) -> float:
        """From the door of the channel to the beginning of the turn."""
        return round(max(0.0, self._parley.clock() - message.received) * 1000, 2)

    def _told(self, waiting: Waiting, replies: Sequence[Reply]) -> None:
        """The turn is recorded with its replies."""
        self._waiters.tell(waiting.message.conversation_id, waiting.inbox_id, tuple(replies))
        if replies and waiting.message.channel in self._senders:
            self._sends.start(waiting.message.conversation_id)

    def _finish(self, waiting: Waiting, done: Done, outcome: str, waited_ms: float) -> None:
        self._tell(waiting, outcome, done.watch, actions=done.actions, waited_ms=waited_ms)
        if self._watch:
            self._watch(waiting.message.conversation_id, done, outcome)

    def _tell(
        self,
        waiting: Waiting,
        outcome: str,
        watch: Stopwatch | None = None,
        **facts: Any,
    ) -> None:
        """One line of log and one count for a turn."""
        watch = watch or Stopwatch()
        say = log.info if outcome == "done" else log.warning
        say(f"turn.{outcome}", channel=waiting.message.channel, **facts, **watch.facts())
        if self._count:
            self._count(channel=waiting.message.channel, outcome=outcome, steps_ms=watch.wall_ms)

    async def deliver(self, conversation_id: str) -> None:
        """Send what waits for who is connected to the conversation now, missed replies first."""
        await self._send(conversation_id)

    async def _send(self, conversation_id: str) -> None:
        try:
            await send_replies(conversation_id, self._parley, self._senders)
        except Unavailable as error:
            log.warning("outbox.postponed", conversation=conversation_id, error=str(error))
        except Exception:
            log.exception("outbox.failed", conversation=conversation_id)

    # What others left

    def _see_to(self, conversation_id: str) -> None:
        """Unless it is being seen to, or as much is in hand as should be: it will be left then."""
        most = self._limits.turns_at_once
        if conversation_id not in self._turns and len(self._turns) < most:
            self._swept.add(conversation_id)
            self._turns.start(conversation_id)
        if conversation_id not in self._sends and len(self._sends) < most:
            self._sends.start(conversation_id)

    async def _sweep_up(self) -> None:
        """Now and then see to messages and replies that nobody saw to."""
        late_s = 0.0  # at the start nothing is in hand
        failing = False
        while not self._closing.is_set():
            try:
                left = await self._parley.log.unfinished(older_than_s=late_s)
                for conversation_id in () if self._closing.is_set() else left:
                    self._see_to(conversation_id)
                failing = False
            except Exception as error:
                if not failing:
                    log.warning("sweep.failing", error=str(error), exc_info=True)
                failing = True
            late_s = self._limits.late_s
            try:
                async with asyncio.timeout(self._limits.sweep_s):
                    await self._closing.wait()
            except TimeoutError:
                continue
