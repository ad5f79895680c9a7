"""A bot that says what it hears, for tests of how messages reach a turn and replies leave it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from random import Random
from typing import Any, cast

from bot.dialogue.domain import Domain
from bot.dialogue.events import BotUttered, UserUttered
from bot.dialogue.messages import Message, Reply
from bot.services import Bot, Services
from bot.stopwatch import Stopwatch
from bot.store.base import Leases, Log, News, TrackerStore, Waiting
from bot.store.memory import MemoryLeases, MemoryLog, MemoryNews, MemoryTrackers
from bot.turn import NEWS, Done, Told, load, nobody

Before = Callable[[Waiting], Awaitable[None]]


class Echo:
    """Takes turns as ``bot.turn.take_turn`` does, without dialogue. Remembers what it was given.

    ``before`` is awaited between loading the tracker and committing.
    """

    def __init__(self, before: Before | None = None) -> None:
        self.heard: list[str] = []
        self._before = before

    async def __call__(
        self,
        waiting: Waiting,
        parley: Services,
        *,
        pushing: Collection[str] = (),
        told: Told = nobody,
    ) -> Done:
        message = waiting.message
        tracker, epoch = await load(message.conversation_id, parley)
        self.heard.append(message.text)
        if self._before:
            await self._before(waiting)
        events = [UserUttered(text=message.text), BotUttered(text=message.text)]
        replies = [Reply(message.conversation_id, message.text)]
        await parley.log.commit(
            message.conversation_id,
            events,
            seq=tracker.seq,
            epoch=epoch,
            inbox_id=waiting.inbox_id,
            replies=replies,
            channel=message.channel,
            sent=message.channel not in pushing,
        )
        told(replies)
        tracker = tracker.apply_all(events)
        await parley.trackers.keep(tracker, epoch=epoch)
        await parley.news.publish(message.conversation_id, NEWS)
        return Done(tracker, events, replies, 1, Stopwatch())


def services(
    *,
    log: Log | None = None,
    trackers: TrackerStore | None = None,
    leases: Leases | None = None,
    news: News | None = None,
) -> Services:
    """Services without a bot: what is not given is in memory."""
    return Services(
        bot=Bot(Domain(), ()),
        nlu=cast(Any, None),
        actions=cast(Any, None),
        log=log or MemoryLog(),
        trackers=trackers or MemoryTrackers(),
        leases=leases or MemoryLeases(),
        news=news or MemoryNews(),
        clock=time.time,
        random=Random(0),
    )


def message(text: str, **fields: Any) -> Message:
    """A message of the conversation ``ann``, unless another is named."""
    return Message(**{"conversation_id": "ann", "text": text, **fields})


async def said_by_users(log: Log, conversation_id: str = "ann") -> list[str | None]:
    """The users' messages in the log, in order."""
    history = await log.history(conversation_id, all_sessions=True)
    return [event.text for event in history.events if isinstance(event, UserUttered)]


async def said_by_bot(log: Log, conversation_id: str = "ann") -> list[str | None]:
    """The bot's messages in the log, in order."""
    history = await log.history(conversation_id, all_sessions=True)
    return [event.text for event in history.events if isinstance(event, BotUttered)]


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return once ``holds`` does: for what a real server does in its own time."""
    async with asyncio.timeout(20):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)
