"""A person takes over while the bot is at work: nothing the bot had in mind is said any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot import handoff
from bot.actions.remote import RemoteActions
from bot.dialogue.events import AgentUttered, BotUttered, Event, UserUttered
from bot.dialogue.messages import Reply
from bot.dialogue.tracker import MOST_EVENTS
from bot.inbox import Inbox, Limits
from bot.project.load import load_project
from bot.services import Services
from bot.store.base import Lease, Waiting
from bot.store.memory import MemoryLeases
from bot.testing.services import HandClock, memory_services
from bot.turn import Done
from nlu.parse import NO_CONTEXT, Context, Intent, Parse
from tests.command import write
from tests.turns import message

SOON_S = 10.0


class SlowNlu:
    """Greets every text; the text `slow` once it is let."""

    def __init__(self) -> None:
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def parse(self, text: str, context: Context = NO_CONTEXT) -> Parse:
        if text == "slow":
            self.asked.set()
            await self.let.wait()
        return Parse(text, Intent("greet", 1.0))


class SlowService:
    """Takes a part once it is let."""

    may_repeat = True

    def __init__(self) -> None:
        self.got: list[str] = []
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    def reaches(self, reply: Reply) -> bool:
        return True

    def render(self, reply: Reply) -> list[dict[str, Any]]:
        return [{"text": reply.text}]

    async def send(self, reply: Reply, part: Mapping[str, Any]) -> None:
        self.asked.set()
        await self.let.wait()
        self.got.append(part["text"])


@pytest.fixture
def nlu() -> SlowNlu:
    return SlowNlu()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def parley(tmp_path: Path, nlu: SlowNlu, clock: HandClock) -> Services:
    project = load_project(write(tmp_path))
    return memory_services(project, nlu, RemoteActions(None), clock=clock)


def said(events: list[Event] | tuple[Event, ...]) -> list[str | None]:
    return [e.text for e in events if isinstance(e, UserUttered | BotUttered)]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SOON_S):
        while True:
            if await condition():
                return
            await asyncio.sleep(0)


async def log_of(parley: Services) -> list[str | None]:
    return said((await parley.log.history("ann", all_sessions=True)).events)


async def test_a_turn_that_began_before_is_taken_again_and_the_bot_is_silent(
    parley: Services, nlu: SlowNlu
) -> None:
    async with Inbox(parley) as inbox:
        await inbox.answer(message("hello"), SOON_S)
        answering = asyncio.create_task(inbox.answer(message("slow"), SOON_S))
        await nlu.asked.wait()
        await handoff.take_over("ann", parley, agent="mia")
        nlu.let.set()
        assert await answering == ()
    assert await log_of(parley) == ["hello", "Hello None.", "slow"]


async def test_what_waits_to_be_sent_is_withdrawn_and_what_hangs_is_waited_for(
    parley: Services,
) -> None:
    service = SlowService()
    got: list[str] = []

    async def both_answered() -> bool:
        return len(await log_of(parley)) == 4

    async def taken() -> bool:
        return await parley.log.handoff("ann") is not None

    async def said_more() -> bool:
        return service.got != got

    async with Inbox(parley, senders={"callback": service}) as inbox:
        for text in ("one", "two"):
            await inbox.accept(message(text, channel="callback"))
        await service.asked.wait()
        await until(both_answered)
        taking = asyncio.create_task(handoff.take_over("ann", parley, agent="mia"))
        await until(taken)
        assert not taking.done()  # a call of the service is on its way
        service.let.set()
        _, quiet = await taking
        assert quiet
        got += service.got
        await inbox.accept(message("three", channel="callback"))
        await handoff.speak(
            message("", channel="callback"), parley, agent="mia", text="It is me.", pushed=True
        )
        inbox.send("ann")
        await until(said_more)
    assert got == ["Hello None."]
    assert service.got == ["Hello None.", "It is me."]


async def test_what_hangs_is_waited_for_also_when_nobody_knows_who_holds_a_lease(
    parley: Services,
) -> None:
    class AllHold(MemoryLeases):
        """As without Redis."""

        @asynccontextmanager
        async def hold(self, conversation_id: str, *, kind: str = "lease") -> AsyncIterator[Lease]:
            yield Lease(held=True)

    async def taken() -> bool:
        return await parley.log.handoff("ann") is not None

    parley, service = replace(parley, leases=AllHold()), SlowService()
    async with Inbox(parley, senders={"callback": service}) as inbox:
        await inbox.accept(message("one", channel="callback"))
        await service.asked.wait()
        taking = asyncio.create_task(handoff.take_over("ann", parley, agent="mia"))
        await until(taken)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not taking.done()
        service.let.set()
        _, quiet = await taking
        assert quiet
        assert service.got == ["Hello None."]


async def test_while_a_person_has_it_nothing_the_user_says_wakes_the_bot(
    parley: Services, clock: HandClock
) -> None:
    async with Inbox(parley) as inbox:
        await inbox.answer(message("hello"), SOON_S)
        await handoff.take_over("ann", parley, agent="mia")
        clock.advance(7 * 24 * 3600)  # a new session, were it the bot's
        for text in ("hello", "/restart", "/session_start"):
            assert await inbox.answer(message(text), SOON_S) == ()
        await handoff.hand_back("ann", parley, agent="mia")
        assert [reply.text for reply in await inbox.answer(message("hello"), SOON_S)] == [
            "Hello None."
        ]


async def test_however_long_a_person_has_it_the_bot_stays_silent(
    parley: Services, clock: HandClock
) -> None:
    async with Inbox(parley) as inbox:
        await inbox.answer(message("hello"), SOON_S)
        tracker, _ = await handoff.take_over("ann", parley, agent="mia")
        words = [AgentUttered(text="And?", timestamp=clock()) for _ in range(2 * MOST_EVENTS)]
        await parley.log.commit("ann", words, seq=tracker.seq, epoch=1)
        clock.advance(7 * 24 * 3600)
        for text in ("/restart", "hello"):
            assert await inbox.answer(message(text), SOON_S) == ()


async def test_while_a_person_has_it_nobody_apologises(parley: Services) -> None:
    async def break_always(waiting: Waiting, parley: Services, **_: Any) -> Done:
        raise RuntimeError("broken")

    async with Inbox(parley) as inbox:
        await inbox.answer(message("hello"), SOON_S)
    await handoff.take_over("ann", parley, agent="mia")
    async with Inbox(parley, take_turn=break_always, limits=Limits(tries=1)) as inbox:
        assert await inbox.answer(message("poison"), SOON_S) == ()
    assert await log_of(parley) == ["hello", "Hello None.", "poison"]
