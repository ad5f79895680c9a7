"""Recorded replies become calls of their channel: in order, until they are taken or given up.

A reply is rendered into parts, each one call. What is said of a reply is recorded part by part, so
that whoever goes on after a crash, or later, begins where it ended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import structlog

from bot.dialogue.messages import Reply
from bot.errors import ParleyError, Unavailable
from bot.services import Services
from bot.store.base import Outgoing

AT_ONCE_S = (0.2, 1.0)  # between the first tries, at most; each wait is at least half of it
LATER_S = (5.0, 15.0, 60.0, 300.0)  # between the next ones; the last one for ever
GIVEN_UP_S = 4 * 3600.0  # after its turn, a reply is of no use any more
LONGEST_WAIT_S = 5.0  # that a service may ask for without keeping others waiting
SEND_S = 15.0  # for one call
PROMPT_S = 5.0  # a call follows this soon on the note that it begins
DOUBT_S = SEND_S + PROMPT_S  # a call that began so long ago has ended, or its process has

SENT = "sent"
MISSED = "missed"  # a reply's state, and the news of it, when nobody was there to take it
FAILED = "failed"
UNKNOWN = "unknown"
WITHDRAWN = "withdrawn"

log = structlog.get_logger(__name__)


class Absent(ParleyError):
    """Nobody is connected here who could take a reply."""

    status = 404
    reason = "Absent"


class Doubtful(ParleyError):
    """Nobody can tell whether a service took this reply, and it would not recognise a repeat."""

    status = 502
    reason = "Doubtful"


class Slower(Unavailable):
    """A service did not take this reply and says when to come again: in ``retry_after_s``."""

    def __init__(self, sentence: str, retry_after_s: float) -> None:
        self.retry_after_s = max(0, round(min(retry_after_s, GIVEN_UP_S)))
        super().__init__(sentence)


@runtime_checkable
class Sender(Protocol):
    """What a channel that calls its service can do; others are asked for their replies."""

    @property
    def may_repeat(self) -> bool:
        """Whether a part is sent again when nobody can tell if it arrived.

        True: at least once, for services that recognise a repeat or can live with one. False: at
        most once.
        """
        ...

    def reaches(self, reply: Reply) -> bool:
        """Whether somebody is connected here who could take ``reply``; services always are."""
        ...

    def render(self, reply: Reply) -> Sequence[Mapping[str, Any]]:
        """The parts that say ``reply``, in order."""
        ...

    async def send(self, reply: Reply, part: Mapping[str, Any]) -> None:
        """Deliver one part of ``reply``.

        Raises Unavailable where it did not arrive and may later, Slower where the service says
        when, Absent to be kept for who comes back, Doubtful where it may have arrived, any other
        ParleyError to be given up.
        """
        ...


async def send_replies(
    conversation_id: str,
    parley: Services,
    senders: Mapping[str, Sender],
    *,
    at_once_s: Sequence[float] = AT_ONCE_S,
) -> None:
    """Send what waits in the conversation's outbox and is due, by whoever has the right to.

    What nobody was there to take before goes first, to who is there now. A reply that is to be
    tried again later keeps those behind it waiting. How sending ends: ``sent``; ``failed`` when
    the service refused it, or did not take it for hours; ``unknown`` when it may have arrived and
    must not be repeated; ``missed`` when nobody was connected here, which is told to the other
    workers; ``withdrawn`` when a person took over.
    """
    # Not the turn's lease: a service slow to take replies does not keep the bot from working.
    had_work = True
    while True:
        async with parley.leases.hold(conversation_id, kind="outbox") as held:
            if not held:
                return
            earlier: list[Outgoing] = []
            away: set[str] = set()  # who comes back just now gets what was missed, and then this
            for each in await parley.log.missed(conversation_id):
                if each.channel in senders:
                    if senders[each.channel].reaches(each.reply):
                        earlier.append(each)
                    else:
                        away.add(each.channel)
            new = await parley.log.outgoing(conversation_id)
            states: dict[int, str] = {}
            for each in (*earlier, *new):
                if not held:  # another has it by now
                    break
                ended = await _Sending(each, parley, senders, at_once_s, away).ended()
                if ended is None or (ended == WITHDRAWN and await _waits(each, parley)):
                    break
                states[each.outbox_id] = ended
                if ended == MISSED:
                    away.add(each.channel)
        if any(states.get(each.outbox_id) == MISSED for each in new):
            await parley.news.publish(conversation_id, MISSED)
        if len(states) < len(earlier) + len(new):
            return
        # Whoever was refused the lease meanwhile relies on us; perhaps somebody has come back.
        # Without Redis nobody knows whether there was anyone: one more look is enough then.
        if not held.wanted or not (states or had_work):
            return
        had_work = bool(states)


async def _waits(one: Outgoing, parley: Services) -> bool:
    """Whether ``one`` is still to be sent: without a lease another may be at it."""
    left = await parley.log.outgoing(one.conversation_id)
    return any(each.outbox_id == one.outbox_id for each in left)


@dataclass(slots=True)
class _Sending:
    """One reply on its way.

    It is worked on only as it ``stood`` when it was last seen or changed here: part, and when that
    was begun. What another does meanwhile, without a lease or after ours, is left to him.
    """

    outgoing: Outgoing
    parley: Services
    senders: Mapping[str, Sender]
    at_once_s: Sequence[float]
    away: Collection[str]  # channels whose earlier replies nobody was there to take
    stood: tuple[int, float | None] = field(init=False)

    def __post_init__(self) -> None:
        self.stood = self.outgoing.part, self.outgoing.begun_at

    async def ended(self) -> str | None:
        """How it ended, recorded; None when it is to be tried later.

        Raises Unavailable when the log cannot be reached, which ends nothing.
        """
        told = log.bind(conversation=self.outgoing.conversation_id, channel=self.outgoing.channel)
        if self.outgoing.due_at > self.parley.clock() or self._is_anothers():
            return None
        try:
            state, error, part = await self._sent()
        except _Later as later:
            return await self._postponed(later)
        except _Failed as failed:
            state, error, part = FAILED, failed.why, None
        if error:
            told.error(f"reply.{state}", error=error)
        if state != WITHDRAWN:
            await self.parley.log.mark_sent(
                self.outgoing.outbox_id, state=state, error=error, part=part, begun=self.stood[1]
            )
        return state

    def _is_anothers(self) -> bool:
        """Whether who began to send it may still be at it, whatever became of his lease."""
        begun_at = self.outgoing.begun_at
        return begun_at is not None and begun_at > self.parley.clock() - DOUBT_S

    async def _sent(self) -> tuple[str, str, int | None]:
        """The state it ends in, why it is not SENT, and the first part that is in doubt."""
        sender = self.senders.get(self.outgoing.channel)
        if sender is None:
            return FAILED, "no such channel is configured to send replies", None
        if self.outgoing.channel in self.away or not sender.reaches(self.outgoing.reply):
            return MISSED, "", None
        with self._failing():
            parts = sender.render(self.outgoing.reply)
        first, doubt, doubted = self.outgoing.part, "", None
        if self.outgoing.begun_at is not None and not sender.may_repeat:
            doubted, doubt = first, "whoever sent it never said how it ended"
            first += 1
            # Whose doubt it is: who began it may only have been stopped for a while.
            if first >= len(parts) and not await self._begins(doubted):
                return WITHDRAWN, "", None
        for number in range(first, len(parts)):
            try:
                if not await self._insisting(sender, parts[number], number):
                    return WITHDRAWN, "", None
            except Absent:
                return MISSED, "", None
            except Doubtful as error:
                doubt = str(error)
                doubted = number if doubted is None else doubted
        return (SENT, "", None) if doubted is None else (UNKNOWN, doubt, doubted)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What the sender raises to give the reply up, as _Failed: the log's errors are others."""
        try:
            yield
        except (Absent, Doubtful, Unavailable, TimeoutError):
            raise
        except ParleyError as refused:
            raise _Failed(str(refused)) from refused
        except Exception as broken:
            log.exception("reply.broken", channel=self.outgoing.channel)
            raise _Failed(f"{type(broken).__name__}: {broken}") from broken

    async def _begins(self, number: int) -> bool:
        """Note that the part is about to be sent; False when it is no longer ours to send.

        Noted again where that took long: a process that was stopped may have been taken for dead.
        """
        while True:
            asked_at = time.monotonic()
            begun_at = await self.parley.log.begin_sending(
                self.outgoing.outbox_id, part=number, after=self.stood
            )
            if begun_at is None:
                return False
            self.stood = number, begun_at
            if time.monotonic() - asked_at < PROMPT_S:
                return True

    async def _insisting(self, sender: Sender, part: Mapping[str, Any], number: int) -> bool:
        """Send one part; False when it is no longer ours to send.

        Raises Doubtful only if it must not be repeated.
        """
        for pause_s in (*self.at_once_s, None):
            if not await self._begins(number):
                return False
            try:
                with self._failing():
                    async with asyncio.timeout(SEND_S):
                        await sender.send(self.outgoing.reply, part)
                return True
            except Slower as error:
                wait_s, why = float(error.retry_after_s), str(error)
                if pause_s is None or wait_s > LONGEST_WAIT_S:
                    raise _Later(number, why, wait_s) from error
            except (Unavailable, Doubtful, TimeoutError) as error:
                why = str(error) or "no answer in time"
                if not isinstance(error, Unavailable) and not sender.may_repeat:
                    raise Doubtful(why) from error
                if pause_s is None:
                    raise _Later(number, why) from error
                wait_s = pause_s * self.parley.random.uniform(0.5, 1)
            # Whoever dies, or takes over, while we wait knows that nothing is on its way.
            await self._waits_for(number, self.parley.clock() + wait_s, self.outgoing.tries, why)
            await asyncio.sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    async def _waits_for(self, number: int, due_at: float, tries: int, why: str) -> None:
        await self.parley.log.postpone(
            self.outgoing.outbox_id,
            due_at=due_at,
            part=number,
            tries=tries,
            error=why,
            begun=self.stood[1],
        )
        self.stood = number, None

    async def _postponed(self, later: _Later) -> str | None:
        now, tries = self.parley.clock(), self.outgoing.tries + 1
        told = log.bind(conversation=self.outgoing.conversation_id, channel=self.outgoing.channel)
        if now - self.outgoing.recorded_at > GIVEN_UP_S:
            error = f"given up after {tries} times: {later.why}"
            told.error("reply.failed", error=error)
            await self.parley.log.mark_sent(
                self.outgoing.outbox_id, state=FAILED, error=error, begun=self.stood[1]
            )
            return FAILED
        pause_s = LATER_S[min(tries, len(LATER_S)) - 1] * self.parley.random.uniform(0.5, 1)
        due_at = now + max(pause_s, later.wait_s)
        told.warning("reply.postponed", error=later.why, tries=tries)
        await self._waits_for(later.part, due_at, tries, later.why)
        return None


class _Failed(Exception):
    """The service refused it, or the sender broke."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class _Later(Exception):
    """``part`` did not arrive; not before ``wait_s`` have passed may it be tried again."""

    def __init__(self, part: int, why: str, wait_s: float = 0.0) -> None:
        self.part, self.why, self.wait_s = part, why, wait_s
        super().__init__(why)
