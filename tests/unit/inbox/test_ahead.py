"""What begins while a message is committed, and what may wait until it is answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

from bot.dialogue.messages import Reply
from bot.dialogue.tracker import Tracker
from bot.errands import Errands
from bot.inbox import Inbox
from bot.store.memory import MemoryLog, MemoryTrackers
from nlu.parse import NO_CONTEXT, Context, Intent, Parse
from tests.turns import Echo, message, services

SOON_S = 10.0


class Eager:
    """Remembers what it was told to expect."""

    def __init__(self) -> None:
        self.expected: list[str] = []

    async def parse(self, text: str, context: Context = NO_CONTEXT) -> Parse:
        return Parse(text, Intent("greet", 1.0))

    def expect(self, text: str) -> None:
        self.expected.append(text)


class Looking(MemoryLog):
    """Counts how often it is asked for what waits."""

    looked = 0

    async def waiting(self, conversation_id: str) -> Any:
        self.looked += 1
        return await super().waiting(conversation_id)


class Slow(MemoryTrackers):
    """Keeps nothing before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let, self.asked = asyncio.Event(), asyncio.Event()

    async def keep(self, tracker: Tracker, *, epoch: int) -> None:
        self.asked.set()
        await self.let.wait()
        await super().keep(tracker, epoch=epoch)


async def test_the_model_begins_with_a_text_as_it_will_be_understood_and_with_no_payload() -> None:
    eager = Eager()
    async with Inbox(replace(services(), nlu=eager), take_turn=Echo()) as inbox:
        for text in (" hello\x00 ", "/greet", "  "):
            await inbox.answer(message(text), SOON_S)
        parsed = cast(Any, message("parsed elsewhere", parse=Parse("x")))
        await inbox.answer(parsed, SOON_S)
    assert eager.expected == ["hello"]


async def test_what_waits_behind_another_message_is_not_begun() -> None:
    eager, entered, let = Eager(), asyncio.Event(), asyncio.Event()

    async def hold(_: object) -> None:
        entered.set()
        await let.wait()

    async with Inbox(replace(services(), nlu=eager), take_turn=Echo(hold)) as inbox:
        first = asyncio.create_task(inbox.answer(message("first"), SOON_S))
        await entered.wait()
        second = asyncio.create_task(inbox.answer(message("second"), SOON_S))
        await asyncio.wait([second], timeout=0.01)
        let.set()
        await asyncio.gather(first, second)
    assert eager.expected == ["first"]


async def test_who_waits_for_an_answer_does_not_wait_for_the_tracker_to_be_kept() -> None:
    slow = Slow()
    async with Inbox(services(trackers=slow), take_turn=Echo()) as inbox:
        assert await inbox.answer(message("hello"), SOON_S) == (Reply("ann", "hello"),)
        await slow.asked.wait()
        assert await slow.load("ann") is None
        slow.let.set()
    assert await slow.load("ann") is not None


async def test_what_comes_while_the_tracker_is_kept_is_answered_without_a_look_into_the_log() -> (
    None
):
    slow, log, echo = Slow(), Looking(), Echo()
    async with Inbox(services(trackers=slow, log=log), take_turn=echo) as inbox:
        await inbox.answer(message("one"), SOON_S)
        await slow.asked.wait()
        two = asyncio.create_task(inbox.answer(message("two"), SOON_S))
        await asyncio.wait([two], timeout=0.01)
        slow.let.set()
        assert await two == (Reply("ann", "two"),)
    assert echo.heard == ["one", "two"]
    assert log.looked == 0


async def test_an_errand_that_was_done_on_the_way_is_not_done_again() -> None:
    done: list[str] = []
    entered, let = asyncio.Event(), asyncio.Event()

    async def work(name: str) -> None:
        done.append(name)
        entered.set()
        await let.wait()

    async with asyncio.TaskGroup() as group:
        errands = Errands(group, work)
        for name in ("met", "unmet"):
            errands.start(name)
            errands.start(name, unless=lambda: True)
        errands.start("unmet", unless=lambda: False)
        assert not errands.is_asked_again("met")
        assert errands.is_asked_again("unmet")
        await entered.wait()
        let.set()
    assert sorted(done) == ["met", "unmet", "unmet"]
