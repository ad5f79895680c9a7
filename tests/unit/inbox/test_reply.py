"""Replies leave in order, are tried again, and how sending ended is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bot.dialogue.messages import Reply
from bot.errors import ParleyError, Unavailable
from bot.inbox import Inbox, Limits
from bot.reply import DOUBT_S, GIVEN_UP_S, LATER_S, MISSED, Absent, Doubtful, Slower, send_replies
from bot.store.base import Lease, Outgoing
from bot.store.memory import MemoryLeases, MemoryLog
from tests.turns import Echo, eventually, message, services

NO_WAIT = (0.0, 0.0)


class Lines:
    """Every line of a text is a part."""

    may_repeat = True

    def reaches(self, reply: Reply) -> bool:
        return True

    def render(self, reply: Reply) -> list[dict[str, str]]:
        return [{"text": line} for line in (reply.text or "").splitlines()]


class Service(Lines):
    """A messaging service: takes replies, or raises what it is told to, None for nothing."""

    def __init__(self, *troubles: Exception | None, may_repeat: bool = True) -> None:
        self.got: list[str] = []
        self.tries = 0
        self.may_repeat = may_repeat
        self._troubles = list(troubles)

    async def send(self, reply: Reply, part: Mapping[str, str]) -> None:
        self.tries += 1
        if self._troubles and (trouble := self._troubles.pop(0)):
            raise trouble
        self.got.append(part["text"])


class BackSoon(Service):
    """Nobody is there when it is asked first, somebody whenever it is asked again."""

    asked = 0

    def reaches(self, reply: Reply) -> bool:
        self.asked += 1
        return self.asked > 1


class Busy(Lines):
    """A service that takes no reply before it is free."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.asked, self.free = asyncio.Event(), asyncio.Event()

    async def send(self, reply: Reply, part: Mapping[str, str]) -> None:
        self.asked.set()
        await self.free.wait()
        self.got.append(part["text"])


class RecordingLog(MemoryLog):
    """Remembers how sending ended."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: self.now)
        self.now = 1_700_000_000.0
        self.states: list[str] = []
        self.errors: list[str] = []
        self.parts: list[int | None] = []
        self._changed = asyncio.Condition()

    async def mark_sent(
        self,
        outbox_id: int,
        *,
        state: str = "sent",
        error: str = "",
        part: int | None = None,
        begun: float | None = None,
    ) -> None:
        await super().mark_sent(outbox_id, state=state, error=error, part=part, begun=begun)
        async with self._changed:
            self.states.append(state)
            self.errors.append(error)
            self.parts.append(part)
            self._changed.notify_all()

    async def settled(self, many: int) -> None:
        """Return when so many are no longer waiting."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(self.states) >= many)


async def log_with(*texts: str) -> RecordingLog:
    log = RecordingLog()
    replies = [Reply("ann", text) for text in texts]
    await log.commit("ann", [], seq=0, epoch=0, replies=replies, channel="callback")
    return log


async def send(log: RecordingLog, service: Service, channel: str = "callback") -> None:
    parley = replace(services(log=log), clock=lambda: log.now)
    await send_replies("ann", parley, {channel: service}, at_once_s=NO_WAIT)


async def test_replies_are_sent_in_order_and_once() -> None:
    log, service = await log_with("one", "two", "three"), Service()
    await send(log, service)
    await send(log, service)
    assert service.got == ["one", "two", "three"]
    assert log.states == ["sent"] * 3


async def test_sending_ends_also_when_nobody_knows_whether_others_want_the_lease() -> None:
    class WithoutRedis(MemoryLeases):
        @asynccontextmanager
        async def hold(self, conversation_id: str, *, kind: str = "lease") -> AsyncIterator[Lease]:
            yield Lease(held=True, wanted=True)

    log, service = await log_with("one", "two"), Service()
    parley = replace(services(log=log), leases=WithoutRedis())
    async with asyncio.timeout(10):
        await send_replies("ann", parley, {"callback": service})
    assert service.got == ["one", "two"]


async def test_a_service_that_is_unavailable_is_tried_again() -> None:
    log, service = await log_with("one", "two"), Service(Unavailable("busy"), Unavailable("busy"))
    await send(log, service)
    assert service.got == ["one", "two"]
    assert log.states == ["sent", "sent"]


async def test_a_service_that_stays_away_is_tried_later_and_what_follows_waits() -> None:
    log, service = await log_with("one", "two"), Service(*[Unavailable("away")] * 3)
    await send(log, service)
    await send(log, service)  # it is not due yet
    assert (service.got, service.tries, log.states) == ([], 3, [])
    first, second = await log.outgoing("ann")
    assert (first.tries, second.tries) == (1, 0)
    assert LATER_S[0] / 2 <= first.due_at - log.now <= LATER_S[0]
    log.now = first.due_at
    await send(log, service)
    assert (service.got, log.states) == (["one", "two"], ["sent", "sent"])


async def test_each_time_it_waits_longer_and_after_hours_it_is_given_up() -> None:
    log, service = await log_with("one", "two"), Service(*[Unavailable("away")] * 1000)
    begun, waits = log.now, []
    await send(log, service)
    while left := await log.outgoing("ann"):
        waits.append(left[0].due_at - log.now)
        log.now = left[0].due_at
        await send(log, service)
    assert waits[0] < waits[2] < waits[4] <= LATER_S[-1]
    assert GIVEN_UP_S < log.now - begun <= GIVEN_UP_S + LATER_S[-1]
    assert log.states == ["failed", "failed"]  # what waited behind it is as old
    assert "given up after" in log.errors[0]
    assert "away" in log.errors[0]


async def test_a_service_that_asks_for_time_gets_it() -> None:
    log, service = await log_with("one"), Service(Slower("busy", 3600))
    await send(log, service)
    (first,) = await log.outgoing("ann")
    assert first.due_at - log.now == 3600
    assert service.tries == 1


async def test_a_short_wait_is_waited_at_once() -> None:
    log, service = await log_with("one"), Service(Slower("busy", 0))
    await send(log, service)
    assert (service.got, service.tries) == (["one"], 2)


@pytest.mark.parametrize("trouble", [Doubtful("cut off"), TimeoutError()])
async def test_what_may_have_arrived_is_repeated_only_where_that_does_no_harm(
    trouble: Exception,
) -> None:
    log, service = await log_with("one", "two"), Service(trouble)
    await send(log, service)
    assert (service.got, log.states) == (["one", "two"], ["sent", "sent"])
    log, service = await log_with("one", "two"), Service(trouble, may_repeat=False)
    await send(log, service)
    assert (service.got, log.states) == (["two"], ["unknown", "sent"])
    assert log.errors[0]


async def test_a_reply_goes_on_with_the_part_it_got_to() -> None:
    away = [Unavailable("away")] * 3
    log, service = await log_with("one\ntwo\nthree"), Service(None, *away)
    await send(log, service)
    (first,) = await log.outgoing("ann")
    log.now = first.due_at
    await send(log, service)
    assert (service.got, log.states) == (["one", "two", "three"], ["sent"])


@pytest.mark.parametrize(
    ("may_repeat", "got", "state"),
    [(True, ["two", "three"], "sent"), (False, ["three"], "unknown")],
)
async def test_what_somebody_was_sending_when_he_died(
    may_repeat: bool, got: list[str], state: str
) -> None:
    log, service = await log_with("one\ntwo\nthree"), Service(may_repeat=may_repeat)
    (first,) = await log.outgoing("ann")
    assert await log.begin_sending(first.outbox_id, part=1)
    await send(log, service)
    assert service.got == []  # perhaps he lives, and a lease was lost
    log.now += DOUBT_S
    await send(log, service)
    assert (service.got, log.states) == (got, [state])


async def test_who_ends_while_he_waits_to_try_again_leaves_no_doubt() -> None:
    log, service = await log_with("one"), Service(Unavailable("busy"), may_repeat=False)
    parley = replace(services(log=log), clock=lambda: log.now)
    waiting = asyncio.create_task(
        send_replies("ann", parley, {"callback": service}, at_once_s=(3600.0,))
    )

    async def waits() -> bool:
        return bool((await log.outgoing("ann"))[0].due_at)

    await eventually(waits)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    log.now += 3600
    await send(log, service)
    assert (service.got, log.states) == (["one"], ["sent"])


async def test_a_reply_is_not_given_up_because_the_log_was_away() -> None:
    class Away(RecordingLog):
        is_away = True

        async def begin_sending(self, *args: Any, **kwargs: Any) -> float | None:
            if self.is_away:
                raise Unavailable("The database cannot be used now.")
            return await super().begin_sending(*args, **kwargs)

    log, service = Away(), Service()
    await log.commit("ann", [], seq=0, epoch=0, replies=[Reply("ann", "one")], channel="callback")
    with pytest.raises(Unavailable):
        await send(log, service)
    assert log.states == []
    log.is_away = False
    await send(log, service)
    assert (service.got, log.states) == (["one"], ["sent"])


async def test_a_person_who_takes_over_between_two_tries_is_not_talked_over() -> None:
    class TakenOver(Service):
        async def send(self, reply: Reply, part: Mapping[str, str]) -> None:
            await log.take_over("ann", [], seq=0, epoch=0, agent="mia")
            await super().send(reply, part)

    log = RecordingLog()
    said = await log.accept(message("hello"))
    replies = [Reply("ann", "one")]
    one = {"inbox_id": said.inbox_id, "replies": replies, "channel": "callback"}
    await log.commit("ann", [], seq=0, epoch=0, **one)
    service = TakenOver(Unavailable("busy"))
    await send(log, service)
    assert (service.got, service.tries) == ([], 1)
    assert not await log.is_on_its_way("ann", since=0.0)


async def test_who_was_stopped_while_he_began_and_taken_for_dead_sends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stopped(RecordingLog):
        async def begin_sending(self, *args: Any, **kwargs: Any) -> float | None:
            begun = await super().begin_sending(*args, **kwargs)
            if len(times) == 1:  # for an hour; another has doubted it meanwhile
                self.now += DOUBT_S
                await super().begin_sending(*args, part=0)
            return begun

    times = [0.0, 3600.0]
    clock = SimpleNamespace(monotonic=lambda: times.pop(0) if times else 3600.0)
    monkeypatch.setattr("bot.reply.time", clock)
    log, service = Stopped(), Service(may_repeat=False)
    replies = [Reply("ann", "one")]
    await log.commit("ann", [], seq=0, epoch=0, replies=replies, channel="callback")
    await send(log, service)
    assert (service.got, log.states) == ([], [])


async def test_a_reply_that_may_have_arrived_remembers_the_first_part_in_doubt() -> None:
    log = await log_with("one\ntwo\nthree")
    service = Service(None, Doubtful("cut off"), may_repeat=False)
    await send(log, service)
    assert (service.got, log.states, log.parts) == (["one", "three"], ["unknown"], [1])


async def test_who_lost_the_right_to_send_leaves_the_rest_to_who_has_it() -> None:
    class Lost(MemoryLeases):
        @asynccontextmanager
        async def hold(self, conversation_id: str, *, kind: str = "lease") -> AsyncIterator[Lease]:
            async with super().hold(conversation_id, kind=kind) as lease:
                held.append(lease)
                yield lease

    class Stalling(Service):
        async def send(self, reply: Reply, part: Mapping[str, str]) -> None:
            await super().send(reply, part)
            held[-1].held = False  # as when it is taken for dead

    held: list[Lease] = []
    log, service = await log_with("one", "two"), Stalling()
    parley = replace(services(log=log), leases=Lost())
    await send_replies("ann", parley, {"callback": service})
    assert service.got == ["one"]


async def test_what_another_sends_meanwhile_is_left_to_him_with_what_follows() -> None:
    class Quicker(RecordingLog):
        """Another begins with a reply just after it was read."""

        async def outgoing(self, conversation_id: str) -> Sequence[Outgoing]:
            found = await super().outgoing(conversation_id)
            if found:
                await self.begin_sending(found[0].outbox_id, part=0)
            return found

    log, service = Quicker(), Service(may_repeat=False)
    replies = [Reply("ann", text) for text in ("one", "two")]
    await log.commit("ann", [], seq=0, epoch=0, replies=replies, channel="callback")
    await send(log, service)
    assert (service.got, log.states) == ([], [])


async def test_who_comes_back_between_two_replies_gets_them_in_order() -> None:
    log, service = RecordingLog(), BackSoon()
    await said(log, "one\ntwo")
    await said(log, "three")
    parley = services(log=log)
    await send_replies("ann", parley, {"callback": service})
    await send_replies("ann", parley, {"callback": service})  # as his coming back does
    assert service.got == ["one", "two", "three"]


async def test_no_service_has_a_reply_wait_longer_than_replies_are_kept() -> None:
    log, service = await log_with("one"), Service(Slower("busy", float("9" * 400)))
    await send(log, service)
    (first,) = await log.outgoing("ann")
    assert first.due_at - log.now == GIVEN_UP_S


async def test_after_a_person_took_over_no_further_part_is_sent() -> None:
    log, service = RecordingLog(), Busy()
    await said(log, "one\ntwo")
    await said(log, "three")
    sending = asyncio.create_task(send_replies("ann", services(log=log), {"callback": service}))
    await service.asked.wait()
    await log.take_over("ann", [], seq=0, epoch=0, agent="mia")
    service.free.set()
    await sending
    assert service.got == ["one"]
    assert await log.outgoing("ann") == []


async def test_a_reply_the_service_refuses_has_failed_and_is_not_tried_again() -> None:
    log, service = await log_with("one", "two"), Service(ParleyError("too long"))
    await send(log, service)
    assert service.got == ["two"]
    assert log.states == ["failed", "sent"]


async def test_a_sender_that_breaks_holds_up_nothing() -> None:
    log, service = await log_with("one", "two"), Service(KeyError("oops"))
    await send(log, service)
    assert log.states == ["failed", "sent"]


async def test_a_reply_for_a_channel_that_is_gone_has_failed() -> None:
    log, service = await log_with("one"), Service()
    await send(log, service, channel="another")
    assert (service.got, log.states) == ([], ["failed"])


async def test_who_comes_back_gets_what_was_missed_before_what_is_new_whoever_sends_it() -> None:
    log, service = RecordingLog(), Busy()
    parley = services(log=log)
    await said(log, "missed")
    await send_replies("ann", parley, {"callback": Service(Absent("gone"))})
    await said(log, "new")
    sending = asyncio.create_task(send_replies("ann", parley, {"callback": service}))
    await service.asked.wait()
    await send_replies("ann", parley, {"callback": service})
    assert service.got == []
    service.free.set()
    await sending
    assert service.got == ["missed", "new"]


async def test_the_inbox_sends_what_a_turn_recorded_for_a_channel_that_pushes() -> None:
    log, service = RecordingLog(), Service()
    async with Inbox(services(log=log), take_turn=Echo(), senders={"callback": service}) as inbox:
        await inbox.accept(message("one", channel="callback"))
        await inbox.accept(message("asked for", conversation_id="bob"))
        await inbox.accept(message("two", channel="callback"))
        await log.settled(2)
    assert service.got == ["one", "two"]


async def test_the_sweep_sends_what_a_dead_worker_recorded() -> None:
    log, service = await log_with("one"), Service()
    limits = Limits(sweep_s=1000.0)
    async with Inbox(
        services(log=log), take_turn=Echo(), senders={"callback": service}, limits=limits
    ):
        await log.settled(1)
    assert service.got == ["one"]


async def test_what_nobody_was_there_to_take_is_sent_to_who_comes_back_before_what_is_new() -> None:
    log = RecordingLog()
    parley = services(log=log)
    nobody = Service(Absent("one"), Absent("two"))
    async with parley.news.follow("ann") as notes:
        await said(log, "one")
        await said(log, "two")
        await send_replies("ann", parley, {"callback": nobody})
        assert await anext(notes) == MISSED  # another worker may have the connection
    assert (log.states, nobody.tries) == (["missed", "missed"], 1)  # and was not tried again
    await said(log, "three")
    back = Service()
    await send_replies("ann", parley, {"callback": back})
    assert back.got == ["one", "two", "three"]
    await send_replies("ann", parley, {"callback": back})
    assert back.got == ["one", "two", "three"]


async def test_who_comes_back_while_replies_are_looked_up_gets_them_in_order() -> None:
    log, service = RecordingLog(), BackSoon()
    parley = services(log=log)
    await said(log, "missed")
    await send_replies("ann", parley, {"callback": Service(Absent("gone"))})
    await said(log, "new")
    await send_replies("ann", parley, {"callback": service})
    await send_replies("ann", parley, {"callback": service})  # as his coming back does
    assert service.got == ["missed", "new"]


async def test_what_was_missed_is_left_alone_while_nobody_is_there() -> None:
    class Nobody(Service):
        def reaches(self, reply: Reply) -> bool:
            return False

    log, nobody = RecordingLog(), Nobody()
    for text in ("one", "two"):
        await said(log, text)
        await send_replies("ann", services(log=log), {"callback": nobody})
    assert (log.states, nobody.tries) == (["missed", "missed"], 0)


async def test_who_leaves_again_is_no_news() -> None:
    log = RecordingLog()
    parley = services(log=log)
    await said(log, "one")
    await send_replies("ann", parley, {"callback": Service(Absent("gone"))})
    async with parley.news.follow("ann") as notes:
        await send_replies("ann", parley, {"callback": Service(Absent("gone"))})
        await parley.news.publish("ann", "next")
        assert await anext(notes) == "next"
    assert log.states == ["missed", "missed"]


async def said(log: RecordingLog, text: str) -> None:
    """A message of Ann's, answered with itself."""
    accepted = await log.accept(message(text, channel="callback"))
    history = await log.history("ann")
    await log.commit(
        "ann",
        [],
        seq=history.seq,
        epoch=history.epoch,
        inbox_id=accepted.inbox_id,
        replies=[Reply("ann", text)],
        channel="callback",
    )
