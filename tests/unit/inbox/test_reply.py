"""Replies leave in order, are tried again, and how sending ended is recorded."""

from __future__ import annotations

import asyncio

from bot.dialogue.messages import Reply
from bot.errors import ParleyError, Unavailable
from bot.inbox import Inbox, Limits
from bot.reply import MISSED, Absent, send_replies
from bot.store.memory import MemoryLog
from tests.turns import Echo, message, services

NO_WAIT = (0.0, 0.0)


class Service:
    """A messaging service: takes replies, or raises what it is told to."""

    def __init__(self, *troubles: Exception) -> None:
        self.got: list[str | None] = []
        self.tries = 0
        self._troubles = list(troubles)

    async def send(self, reply: Reply) -> None:
        self.tries += 1
        if self._troubles:
            raise self._troubles.pop(0)
        self.got.append(reply.text)


class Busy:
    """A service that takes no reply before it is free."""

    def __init__(self) -> None:
        self.got: list[str | None] = []
        self.asked, self.free = asyncio.Event(), asyncio.Event()

    async def send(self, reply: Reply) -> None:
        self.asked.set()
        await self.free.wait()
        self.got.append(reply.text)


class RecordingLog(MemoryLog):
    """Remembers how sending ended."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[str] = []
        self._changed = asyncio.Condition()

    async def mark_sent(self, outbox_id: int, *, state: str = "sent") -> None:
        await super().mark_sent(outbox_id, state=state)
        async with self._changed:
            self.states.append(state)
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
    await send_replies("ann", services(log=log), {channel: service}, try_again_s=NO_WAIT)


async def test_replies_are_sent_in_order_and_once() -> None:
    log, service = await log_with("one", "two", "three"), Service()
    await send(log, service)
    await send(log, service)
    assert service.got == ["one", "two", "three"]
    assert log.states == ["sent"] * 3


async def test_a_service_that_is_unavailable_is_tried_again() -> None:
    log, service = await log_with("one", "two"), Service(Unavailable("busy"), Unavailable("busy"))
    await send(log, service)
    assert service.got == ["one", "two"]
    assert log.states == ["sent", "sent"]


async def test_a_service_that_never_answers_leaves_the_reply_unknown_and_the_next_is_sent() -> None:
    log = await log_with("one", "two")
    service = Service(*[Unavailable("busy")] * 3)
    await send(log, service)
    assert service.got == ["two"]
    assert service.tries == 4
    assert log.states == ["unknown", "sent"]


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


async def test_who_comes_back_while_another_reply_is_sent_gets_what_was_missed_too() -> None:
    log, service = RecordingLog(), Busy()
    parley = services(log=log)
    await said(log, "missed")
    await send_replies("ann", parley, {"callback": Service(Absent("gone"))})
    await said(log, "new")
    sending = asyncio.create_task(send_replies("ann", parley, {"callback": service}))
    await service.asked.wait()
    await send_replies("ann", parley, {"callback": service}, missed=True)
    assert service.got == []
    service.free.set()
    await sending
    assert service.got == ["new", "missed"]


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
    assert (log.states, nobody.tries) == (["missed", "missed"], 2)  # and was not tried again
    await said(log, "three")
    back = Service()
    await send_replies("ann", parley, {"callback": back}, missed=True)
    assert back.got == ["one", "two", "three"]
    await send_replies("ann", parley, {"callback": back}, missed=True)
    assert back.got == ["one", "two", "three"]


async def test_who_leaves_again_is_no_news() -> None:
    log = RecordingLog()
    parley = services(log=log)
    await said(log, "one")
    await send_replies("ann", parley, {"callback": Service(Absent("gone"))})
    async with parley.news.follow("ann") as notes:
        await send_replies("ann", parley, {"callback": Service(Absent("gone"))}, missed=True)
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
