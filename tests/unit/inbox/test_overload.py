"""Who keeps whom waiting when there is too much to do: by the order of events, not by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import httpx2
import pytest

from bot.actions.remote import MOST_IN_LINE, RemoteActions
from bot.dialogue.domain import Domain
from bot.dialogue.messages import Reply
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed, Unavailable
from bot.inbox import Inbox, Limits
from bot.places import Places, away
from bot.project.project import Endpoint
from bot.services import Services
from bot.store.base import Waiting
from bot.testing.services import HandClock
from bot.turn import Done, Told
from tests.turns import Echo, eventually, message, services
from tests.unit.inbox.test_inbox import SOON_S, Gate

TRACKER = Tracker.start("ann", Domain())


class SlowActions:
    """An action server that answers when it is let, and remembers who asked."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.let = asyncio.Semaphore(0)

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.put_nowait(request.headers["Idempotency-Key"])
        await self.let.acquire()
        return httpx2.Response(200, json={"events": [], "responses": []})

    def calls(self, at_once: int) -> RemoteActions:
        transport = httpx2.MockTransport(self)
        return RemoteActions(Endpoint("http://a/webhook"), at_once=at_once, transport=transport)


async def test_turns_that_wait_for_a_slow_action_server_keep_no_others_waiting():
    server, echo = SlowActions(), Echo()
    async with server.calls(at_once=2) as actions:

        async def take_turn(
            waiting: Waiting, parley: Services, *, pushing: Collection[str], told: Told
        ) -> Done:
            name = waiting.message.conversation_id
            if name.startswith("slow"):
                await actions.run("action_slow", TRACKER, Domain(), call_id=name)
            return await echo(waiting, parley, pushing=pushing, told=told)

        limits = Limits(turns_at_once=2)
        async with Inbox(services(), take_turn=take_turn, limits=limits) as inbox:
            slow = [
                asyncio.create_task(inbox.answer(message("x", conversation_id=name), SOON_S))
                for name in ("slow 1", "slow 2", "slow 3", "slow 4")
            ]
            assert [await server.asked.get(), await server.asked.get()] == ["slow 1", "slow 2"]
            assert await inbox.answer(message("hello"), SOON_S) == (Reply("ann", "hello"),)
            assert not any(task.done() for task in slow)
            assert server.asked.empty(), "no more than two calls at once"
            for _ in range(4):
                server.let.release()
            await asyncio.gather(*slow)
            assert [await server.asked.get(), await server.asked.get()] == ["slow 3", "slow 4"]


async def test_of_too_many_calls_of_one_server_the_last_fail_at_once():
    server = SlowActions()
    async with server.calls(at_once=1) as actions:

        def call(n: int) -> asyncio.Task[Any]:
            run = actions.run("action_slow", TRACKER, Domain(), call_id=str(n))
            return asyncio.create_task(run)

        calls = [call(n) for n in range(1 + MOST_IN_LINE)]
        await server.asked.get()
        with pytest.raises(ActionFailed, match="too many calls wait"):
            await call(9)
        for _ in calls:
            server.let.release()
        await asyncio.gather(*calls)


async def test_a_call_that_was_given_up_leaves_its_place_to_the_next():
    server = SlowActions()
    async with server.calls(at_once=1) as actions:
        first, second, third = (
            asyncio.create_task(actions.run("a", TRACKER, Domain(), call_id=name))
            for name in ("first", "second", "third")
        )
        assert await server.asked.get() == "first"
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        first.cancel()
        assert await server.asked.get() == "third"
        server.let.release()
        await third
        await asyncio.gather(first, return_exceptions=True)


async def test_one_conversation_with_too_many_messages_keeps_nobody_else_out():
    gate = Gate()
    limits = Limits(turns_at_once=2, messages=3)
    async with Inbox(services(), take_turn=Echo(gate), limits=limits) as inbox:
        many = [
            asyncio.create_task(inbox.answer(message(str(n), message_id=str(n)), SOON_S))
            for n in range(3)
        ]
        assert await gate.entered.get() == "0"
        with pytest.raises(Unavailable, match="3 messages of this conversation"):
            await inbox.answer(message("one more"), SOON_S)
        bob = asyncio.create_task(inbox.answer(message("hi", conversation_id="bob"), SOON_S))
        assert await gate.entered.get() == "hi", "before the other messages of the first"
        gate.let_through(4)
        await asyncio.gather(bob, *many)


async def test_while_turns_wait_too_long_for_their_place_new_messages_are_refused():
    gate, clock = Gate(), HandClock()
    limits = Limits(turns_at_once=1, in_line_s=3.0)
    async with Inbox(services(), take_turn=Echo(gate), limits=limits) as inbox:
        inbox._at_once = Places(1, clock=clock)
        ann = asyncio.create_task(inbox.answer(message("one"), SOON_S))
        await gate.entered.get()
        bob = asyncio.create_task(inbox.answer(message("two", conversation_id="bob"), SOON_S))
        await eventually(lambda: in_line(inbox))
        assert inbox._at_once.expected_s == 0.0
        clock.advance(3.5)
        with pytest.raises(Unavailable, match="More is asked") as raised:
            await inbox.accept(message("three", conversation_id="cid"))
        assert raised.value.retry_after_s > 0
        gate.let_through()
        await ann
        cid = asyncio.create_task(inbox.answer(message("four", conversation_id="cid"), SOON_S))
        assert await gate.entered.get() == "two"
        gate.let_through(2)
        await asyncio.gather(bob, cid)


async def test_how_long_the_line_will_take_is_told_by_how_fast_it_went():
    clock = HandClock()
    places = Places(1, clock=clock)

    async def work() -> None:
        async with places.place():
            clock.advance(2.0)
            await asyncio.sleep(0)

    first = [asyncio.create_task(work()) for _ in range(200)]
    await asyncio.gather(*first)
    assert places.expected_s == 0.0, "nobody is in line"
    async with places.place():
        line = [asyncio.create_task(work()) for _ in range(10)]
        await asyncio.sleep(0)
        assert places.expected_s == pytest.approx(20.0, rel=0.05)
    await asyncio.gather(*line)


async def in_line(inbox: Inbox) -> bool:
    return inbox._at_once.waiting > 0


async def test_places_are_kept_whatever_is_cancelled():
    places, inside = Places(2), asyncio.Event()

    async def work() -> None:
        async with places.place():
            async with away():
                await asyncio.sleep(0)
            inside.set()
            await asyncio.sleep(0)

    for steps in range(8):
        tasks = [asyncio.create_task(work()) for _ in range(6)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (places._free, places.waiting) == (2, 0)
    assert inside.is_set()
