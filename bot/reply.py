"""Recorded replies become calls of their channel: in order, until they are taken or given up.

A reply is rendered into parts, each one call. What is said of a reply is recorded part by part, so
that whoever goes on after a crash, or later, begins where it ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
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
SEND_S = 30.0

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
    while True:
        async with parley.leases.hold(conversation_id, kind="outbox") as held:
            if not held:
                return
            earlier = [
                each
                for each in await parley.log.missed(conversation_id)
                if each.channel in senders and senders[each.channel].reaches(each.reply)
            ]
            new = await parley.log.outgoing(conversation_id)
            states: dict[int, str] = {}
            away: set[str] = set()  # who comes back just now gets what was missed, and then this
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
        if not held.wanted and not await parley.log.outgoing(conversation_id):
            return


async def _waits(one: Outgoing, parley: Services) -> bool:
    """Whether ``one`` is still to be sent: without a lease another may be at it."""
    left = await parley.log.outgoing(one.conversation_id)
    return any(each.outbox_id == one.outbox_id for each in left)


@dataclass(frozen=True, slots=True)
class _Sending:
    """One reply on its way."""

    outgoing: Outgoing
    parley: Services
    senders: Mapping[str, Sender]
    at_once_s: Sequence[float]
    away: Collection[str]  # channels whose earlier replies nobody was there to take

    async def ended(self) -> str | None:
        """How it ended, recorded; None when it is to be tried later."""
        told = log.bind(conversation=self.outgoing.conversation_id, channel=self.outgoing.channel)
        if self.outgoing.due_at > self.parley.clock():
            return None
        try:
            state, error, part = await self._sent()
        except _Later as later:
            return await self._postponed(later)
        except ParleyError as refused:
            state, error, part = FAILED, str(refused), None
        except Exception as broken:
            told.exception("reply.failed")
            state, error, part = FAILED, f"{type(broken).__name__}: {broken}", None
        if error:
            told.error(f"reply.{state}", error=error)
        if state != WITHDRAWN:
            await self.parley.log.mark_sent(
                self.outgoing.outbox_id, state=state, error=error, part=part
            )
        return state

    async def _sent(self) -> tuple[str, str, int | None]:
        """The state it ends in, why it is not SENT, and the first part that is in doubt."""
        sender = self.senders.get(self.outgoing.channel)
        if sender is None:
            return FAILED, "no such channel is configured to send replies", None
        if self.outgoing.channel in self.away or not sender.reaches(self.outgoing.reply):
            return MISSED, "", None
        parts = sender.render(self.outgoing.reply)
        first, doubt, doubted = self.outgoing.part, "", None
        if self.outgoing.is_begun and not sender.may_repeat:
            doubted, doubt = first, "whoever sent it never said how it ended"
            first += 1
        stood = self.outgoing.part, self.outgoing.is_begun
        for number in range(first, len(parts)):
            if not await self._begun(number, stood):
                return WITHDRAWN, "", None
            stood = number, True
            try:
                await self._insisting(sender, parts[number], number)
            except Absent:
                return MISSED, "", None
            except Doubtful as error:
                doubt = str(error)
                doubted = number if doubted is None else doubted
        return (SENT, "", None) if doubted is None else (UNKNOWN, doubt, doubted)

    async def _begun(self, number: int, stood: tuple[int, bool]) -> bool:
        return await self.parley.log.begin_sending(
            self.outgoing.outbox_id, part=number, after=stood
        )

    async def _insisting(self, sender: Sender, part: Mapping[str, Any], number: int) -> None:
        """Send one part; raises Doubtful only if it must not be repeated."""
        for pause_s in (*self.at_once_s, None):
            try:
                async with asyncio.timeout(SEND_S):
                    return await sender.send(self.outgoing.reply, part)
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
            await asyncio.sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    async def _postponed(self, later: _Later) -> str | None:
        now, tries = self.parley.clock(), self.outgoing.tries + 1
        told = log.bind(conversation=self.outgoing.conversation_id, channel=self.outgoing.channel)
        if now - self.outgoing.recorded_at > GIVEN_UP_S:
            error = f"given up after {tries} times: {later.why}"
            told.error("reply.failed", error=error)
            await self.parley.log.mark_sent(self.outgoing.outbox_id, state=FAILED, error=error)
            return FAILED
        pause_s = LATER_S[min(tries, len(LATER_S)) - 1] * self.parley.random.uniform(0.5, 1)
        due_at = now + max(pause_s, later.wait_s)
        told.warning("reply.postponed", error=later.why, tries=tries)
        await self.parley.log.postpone(
            self.outgoing.outbox_id, due_at=due_at, part=later.part, tries=tries, error=later.why
        )
        return None


class _Later(Exception):
    """``part`` did not arrive; not before ``wait_s`` have passed may it be tried again."""

    def __init__(self, part: int, why: str, wait_s: float = 0.0) -> None:
        self.part, self.why, self.wait_s = part, why, wait_s
        super().__init__(why)
