"""The inbox with every store in memory, and a bot that says what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from bot.apology import APOLOGY
from bot.dialogue.events import SessionStarted, SlotSet
from bot.dialogue.messages import Reply
from bot.dialogue.tracker import Tracker
from bot.errors import Duplicate, Timeout, Unavailable
from bot.inbox import Inbox, Limits
from bot.store.base import Accepted, Waiting
from bot.store.memory import MemoryLog
from bot.store.sealing import Locked
from tests.turns import Echo, eventually, message, said_by_bot, said_by_users, services

SOON_S = 10.0  # what should come comes long before
AT_ONCE = Limits(sweep_s=0.01, late_s=0.0)  # a sweep that comes all the time
NEVER = Limits(sweep_s=1000.0)


class Gate:
    """Holds turns up until they are let through."""

    def __init__(self) -> None:
        self.entered: asyncio.Queue[str] = asyncio.Queue()
        self._permits = asyncio.Semaphore(0)

    async def __call__(self, waiting: Waiting) -> None:
        self.entered.put_nowait(waiting.message.text)
        await self._permits.acquire()

    def let_through(self, many: int = 1) -> None:
        for _ in range(many):
            self._permits.release()


async def test_a_message_is_answered_with_the_replies_of_its_turn() -> None:
    async with Inbox(services(), take_turn=Echo()) as inbox:
        assert await inbox.answer(message("hello"), SOON_S) == (Reply("ann", "hello"),)


async def test_a_repeated_id_is_answered_from_the_log_and_another_body_is_refused() -> None:
    echo = Echo()
    async with Inbox(services(), take_turn=echo) as inbox:
        for _ in range(2):
            replies = await inbox.answer(message("hello", message_id="m1"), SOON_S)
            assert replies == (Reply("ann", "hello"),)
        with pytest.raises(Duplicate):
            await inbox.answer(message("goodbye", message_id="m1"), SOON_S)
    assert echo.heard == ["hello"]


async def test_a_repeat_while_the_turn_is_taken_gets_its_replies_too() -> None:
    gate = Gate()
    echo = Echo(gate)
    async with Inbox(services(), take_turn=echo) as inbox:
        asked = [
            asyncio.create_task(inbox.answer(message("hello", message_id="m1"), SOON_S))
            for _ in range(3)
        ]
        await gate.entered.get()
        gate.let_through()
        assert await asyncio.gather(*asked) == [(Reply("ann", "hello"),)] * 3
    assert echo.heard == ["hello"]


async def test_messages_of_a_conversation_are_answered_one_after_another() -> None:
    gate = Gate()
    parley = services()
    async with Inbox(parley, take_turn=Echo(gate)) as inbox:
        texts = [str(n) for n in range(5)]
        asked = [asyncio.create_task(inbox.answer(message(text), SOON_S)) for text in texts]
        for text in texts:
            assert await gate.entered.get() == text
            assert gate.entered.empty()
            gate.let_through()
        await asyncio.gather(*asked)
    assert await said_by_users(parley.log) == texts


async def test_conversations_do_not_wait_for_each_other() -> None:
    gate = Gate()
    async with Inbox(services(), take_turn=Echo(gate)) as inbox:
        for name in ("ann", "bob"):
            await inbox.accept(message(name, conversation_id=name))
        assert {await gate.entered.get(), await gate.entered.get()} == {"ann", "bob"}
        gate.let_through(2)


async def test_no_more_turns_than_allowed_are_taken_at_once() -> None:
    gate = Gate()
    async with Inbox(services(), take_turn=Echo(gate), limits=Limits(turns_at_once=2)) as inbox:
        asked = [
            asyncio.create_task(inbox.answer(message(name, conversation_id=name), SOON_S))
            for name in ("ann", "bob", "cid")
        ]
        await gate.entered.get()
        await gate.entered.get()
        await asyncio.wait(asked, timeout=0.01)
        assert gate.entered.empty()
        gate.let_through(3)
        await asyncio.gather(*asked)


async def test_what_is_too_much_is_refused_before_it_is_accepted() -> None:
    gate = Gate()
    parley = services()
    async with Inbox(parley, take_turn=Echo(gate), limits=Limits(conversations=1)) as inbox:
        await inbox.accept(message("hello"))
        with pytest.raises(Unavailable, match="1 conversations"):
            await inbox.accept(message("hello", conversation_id="bob"))
        gate.let_through()
    assert await parley.log.waiting("bob") is None


async def test_an_answer_that_takes_too_long_is_a_timeout_and_comes_with_the_same_id() -> None:
    gate = Gate()
    async with Inbox(services(), take_turn=Echo(gate)) as inbox:
        with pytest.raises(Timeout, match="same message id"):
            await inbox.answer(message("hello", message_id="m1"), 0.01)
        gate.let_through()
        replies = await inbox.answer(message("hello", message_id="m1"), SOON_S)
        assert replies == (Reply("ann", "hello"),)


async def test_a_turn_that_is_overtaken_is_taken_again_on_top_of_what_came() -> None:
    parley = services()

    async def overtake(waiting: Waiting) -> None:
        if echo.heard.count("hello") < 3:
            history = await parley.log.history("ann")
            await parley.log.commit(
                "ann", [SlotSet(name="n")], seq=history.seq, epoch=history.epoch
            )
            await parley.trackers.forget("ann")

    echo = Echo(overtake)
    async with Inbox(parley, take_turn=echo) as inbox:
        assert await inbox.answer(message("hello"), SOON_S) == (Reply("ann", "hello"),)
    assert echo.heard == ["hello"] * 3
    assert (await parley.log.history("ann")).seq == 4


async def test_a_turn_that_breaks_is_tried_again() -> None:
    async def break_once(waiting: Waiting) -> None:
        if len(echo.heard) == 1:
            raise RuntimeError("broken")

    echo = Echo(break_once)
    async with Inbox(services(), take_turn=echo) as inbox:
        assert await inbox.answer(message("hello"), SOON_S) == (Reply("ann", "hello"),)


async def test_a_message_that_breaks_every_turn_is_apologised_for_and_blocks_nobody() -> None:
    async def break_on_poison(waiting: Waiting) -> None:
        if waiting.message.text == "poison":
            raise RuntimeError("broken")

    parley, echo = services(), Echo(break_on_poison)
    async with Inbox(parley, take_turn=echo, limits=Limits(tries=2)) as inbox:
        poison, after = await asyncio.gather(
            inbox.answer(message("poison"), SOON_S), inbox.answer(message("hello"), SOON_S)
        )
        assert poison == (Reply("ann", APOLOGY),)
        assert after == (Reply("ann", "hello"),)
    assert echo.heard == ["poison", "poison", "hello"]
    assert await said_by_users(parley.log) == ["poison", "hello"]
    assert await said_by_bot(parley.log) == [APOLOGY, "hello"]


async def test_an_apology_is_not_held_up_by_a_kept_tracker_that_is_behind_the_log() -> None:
    async def break_always(waiting: Waiting) -> None:
        raise RuntimeError("broken")

    parley = services()
    behind = Tracker.start("ann", parley.bot.domain)
    await parley.log.commit("ann", [SessionStarted()], seq=0, epoch=0)
    await parley.trackers.keep(behind, epoch=0)
    echo = Echo(break_always)
    async with Inbox(parley, take_turn=echo, limits=Limits(tries=1)) as inbox:
        assert await inbox.answer(message("poison"), SOON_S) == (Reply("ann", APOLOGY),)


async def test_a_message_that_ends_every_worker_is_apologised_for_in_the_end() -> None:
    log = MemoryLog()
    accepted = await log.accept(message("poison"))
    for _ in range(5):  # each started, took the message up and died
        await log.tried(accepted.inbox_id)
    echo, parley = Echo(), services(log=log)
    async with parley.news.follow("ann") as notes, Inbox(parley, take_turn=echo):
        await soon(notes)
    assert echo.heard == []
    assert await said_by_bot(log) == [APOLOGY]


async def test_a_turn_that_finds_something_unreachable_waits_for_the_sweep() -> None:
    async def fail_twice(waiting: Waiting) -> None:
        if len(echo.heard) < 3:
            raise Unavailable("no NLU")

    echo = Echo(fail_twice)
    async with Inbox(services(), take_turn=echo, limits=AT_ONCE) as inbox:
        assert await inbox.answer(message("hello"), SOON_S) == (Reply("ann", "hello"),)
    assert echo.heard == ["hello"] * 3


async def test_who_asks_while_a_key_is_missing_is_told_so_and_answered_later() -> None:
    async def closed(waiting: Waiting) -> None:
        if missing:
            raise Locked("encrypted with key 'mine'")

    missing, echo = True, Echo(closed)
    async with Inbox(services(), take_turn=echo, limits=NEVER) as inbox:
        for _ in range(2):
            with pytest.raises(Locked, match="'mine'"):
                await inbox.answer(message("hello", message_id="m1"), SOON_S)
        missing = False
        answer = await inbox.answer(message("hello", message_id="m1"), SOON_S)
        assert answer == (Reply("ann", "hello"),)


async def test_however_long_something_is_unreachable_the_message_is_not_given_up() -> None:
    async def fail_often(waiting: Waiting) -> None:
        if len(echo.heard) < 20:
            raise Unavailable("no database")

    echo = Echo(fail_often)
    async with Inbox(services(), take_turn=echo, limits=AT_ONCE) as inbox:
        assert await inbox.answer(message("hello"), SOON_S) == (Reply("ann", "hello"),)


async def test_what_was_left_is_answered_at_the_start_in_order() -> None:
    parley, echo = services(), Echo()
    for text in ("one", "two"):
        await parley.log.accept(message(text))
    async with parley.news.follow("ann") as notes, Inbox(parley, take_turn=echo, limits=NEVER):
        await soon(notes)
        await soon(notes)
    assert echo.heard == ["one", "two"]


async def test_the_sweep_takes_up_no_more_than_may_be_in_hand() -> None:
    """When everything is late it would only make everything later."""

    class Swept(MemoryLog):
        times = 0

        async def unfinished(self, *, older_than_s: float, limit: int = 100) -> Sequence[str]:
            self.times += 1
            return await super().unfinished(older_than_s=older_than_s, limit=limit)

    log, let_through = Swept(), asyncio.Event()
    parley = services(log=log)
    for name in range(10):
        await parley.log.accept(message("hello", conversation_id=f"user {name}"))

    async def wait(_: Waiting) -> None:
        await let_through.wait()

    async def was_swept(times: int) -> bool:
        return log.times >= times

    echo = Echo(wait)
    limits = Limits(turns_at_once=3, sweep_s=0.01, late_s=0.0)
    async with Inbox(parley, take_turn=echo, limits=limits) as inbox:
        await eventually(lambda: began(echo, 3))
        await eventually(lambda: was_swept(4))
        assert len(inbox._turns) == 3
        let_through.set()
        await eventually(lambda: began(echo, 10))


async def began(echo: Echo, many: int) -> bool:
    return len(echo.heard) >= many


async def test_a_message_whose_lease_another_holds_is_left_to_it() -> None:
    parley, echo = services(), Echo()
    async with Inbox(parley, take_turn=echo, limits=NEVER) as inbox, parley.leases.hold("ann"):
        await inbox.accept(message("hello", message_id="m1"))
        asked = asyncio.create_task(inbox.answer(message("hello", message_id="m1"), SOON_S))
        waiting = await parley.log.waiting("ann")
        assert waiting
        await Echo()(waiting, parley)  # the other worker
        assert await asked == (Reply("ann", "hello"),)
    assert echo.heard == []


async def test_a_log_that_cannot_be_reached_is_said_so_at_once() -> None:
    class Unreachable(MemoryLog):
        async def accept(self, message: object) -> Accepted:
            raise Unavailable("no database")

    async with Inbox(services(log=Unreachable()), take_turn=Echo()) as inbox:
        with pytest.raises(Unavailable, match="no database"):
            await inbox.answer(message("hello"), SOON_S)


async def test_closing_lets_the_turn_in_hand_end_and_leaves_the_rest_for_the_next_start() -> None:
    log, gate = MemoryLog(), Gate()
    async with closing(Inbox(services(log=log), take_turn=Echo(gate))) as (inbox, closed):
        first, second = await inbox.accept(message("one")), await inbox.accept(message("two"))
        await gate.entered.get()
        closed.set()
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="closing"):
            await inbox.accept(message("three"))
        gate.let_through()
    assert (await log.accepted(first.inbox_id)).done
    assert not (await log.accepted(second.inbox_id)).done


async def test_closing_does_not_wait_for_ever_for_a_turn() -> None:
    log, gate = MemoryLog(), Gate()
    limits = Limits(close_s=0.01)
    async with asyncio.timeout(SOON_S):
        async with Inbox(services(log=log), take_turn=Echo(gate), limits=limits) as inbox:
            await inbox.accept(message("one"))
            await gate.entered.get()
    assert await log.waiting("ann")


async def test_who_waits_behind_a_turn_that_closing_ends_is_told_at_once() -> None:
    gate = Gate()
    inbox = Inbox(services(), take_turn=Echo(gate), limits=Limits(close_s=0.01))
    async with closing(inbox) as (inbox, closed):
        await inbox.accept(message("one"))
        await gate.entered.get()
        answer = asyncio.create_task(inbox.answer(message("two"), SOON_S))
        await asyncio.sleep(0)
        closed.set()
        with pytest.raises(Unavailable, match="closing"):
            await answer


async def test_closing_does_not_wait_for_ever_for_what_the_last_turns_said_to_be_sent() -> None:
    log, gate, service = MemoryLog(), Gate(), Deaf()
    limits = Limits(close_s=0.2)
    inbox = Inbox(
        services(log=log), take_turn=Echo(gate), senders={"callback": service}, limits=limits
    )
    async with closing(inbox) as (inbox, closed):
        await inbox.accept(message("one", channel="callback"))
        await gate.entered.get()
        closed.set()
        await asyncio.sleep(0)
        gate.let_through()
    (waiting,) = await log.outgoing("ann")
    assert waiting.reply.text == "one"


async def test_every_turn_is_counted_with_its_outcome() -> None:
    counted = []

    async def break_once(waiting: Waiting) -> None:
        if len(echo.heard) == 1:
            raise RuntimeError("broken")

    def count(*, channel: str, outcome: str, steps_ms: object) -> None:
        counted.append((channel, outcome))

    echo = Echo(break_once)
    async with Inbox(services(), take_turn=echo, count=count) as inbox:
        await inbox.answer(message("hello"), SOON_S)
    assert counted == [("rest", "failed"), ("rest", "done")]


class Deaf:
    """A messaging service that never answers."""

    may_repeat = True

    def reaches(self, reply: Reply) -> bool:
        return True

    def render(self, reply: Reply) -> list[dict[str, str | None]]:
        return [{"text": reply.text}]

    async def send(self, reply: Reply, part: object) -> None:
        await asyncio.Event().wait()


async def soon(notes: AsyncIterator[str]) -> None:
    async with asyncio.timeout(SOON_S):
        await anext(notes)


@asynccontextmanager
async def closing(inbox: Inbox) -> AsyncIterator[tuple[Inbox, asyncio.Event]]:
    """The inbox, and an event that makes it close while the block goes on."""
    close = asyncio.Event()
    opened = asyncio.Event()

    async def run() -> None:
        async with inbox:
            opened.set()
            await close.wait()

    task = asyncio.create_task(run())
    await opened.wait()
    yield inbox, close
    async with asyncio.timeout(SOON_S):
        await task
