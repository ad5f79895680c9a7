"""Everywhere something of a conversation is kept: one list for exporting, erasing and encrypting.

A part of Parley that keeps what users wrote adds a function to ``HOLDERS``; one outside the
server's packages adds it as an entry point in the group ``parley.holders``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from typing import Any, Protocol

import msgspec

from bot.errors import Unavailable
from bot.review.item import ReviewItem
from bot.review.store import Filter
from bot.settings import Settings
from bot.store import personal, rekeying
from bot.store.base import TrackerStore
from bot.store.database import Database
from bot.store.redis import open_redis
from bot.store.reviews import SqlReviews
from bot.store.sealing import seal_from
from bot.store.shelf import erase_turns, rekey_turns, shelf_file, turns_of
from bot.store.sql import SqlLog

REVIEW_PAGE = 1000
Told = Callable[[int], None]


class Incomplete(Unavailable):
    """Not all of a place could be looked through. ``gone`` is what was erased of the rest."""

    reason = "Incomplete"

    def __init__(self, sentence: str, *, gone: Mapping[str, int]) -> None:
        super().__init__(sentence)
        self.gone = gone


class Holder(Protocol):
    """A place that keeps something of conversations. Each raises Unavailable where it cannot be
    reached, and another ParleyError where it is damaged."""

    async def held(self, conversation_id: str) -> Mapping[str, Sequence[Any]]:
        """Everything, by what it is, as JSON values."""
        ...

    async def erase(self, conversation_id: str) -> Mapping[str, int]:
        """Take it away for ever; how much went, by what it was. Nothing is left to do is no error,
        so that an erasure that broke off can be done again. Raises Incomplete, too."""
        ...

    async def rekey(self, *, decrypt: bool, told: Told) -> int:
        """Have every text closed with the newest key, or with none; how many were changed.

        Safe to repeat. ``told`` hears how many more of the log's were looked at. Raises Locked.
        """
        ...


@dataclass(frozen=True, slots=True)
class Places:
    """What holders are made from: the settings, the log's database, live trackers if any."""

    settings: Settings
    database: Database
    trackers: TrackerStore | None = None
    clock: Callable[[], float] = time.time


class InLog:
    """The log, and all that SQL holds beside it. The first: it ends turns that are in flight."""

    def __init__(self, places: Places) -> None:
        self._database, self._clock = places.database, places.clock

    async def held(self, conversation_id: str) -> Mapping[str, Sequence[Any]]:
        read = partial(personal.held, conversation_id=conversation_id)
        return await self._database.read(read)

    async def erase(self, conversation_id: str) -> Mapping[str, int]:
        erase = partial(personal.erase, conversation_id=conversation_id, now=self._clock())
        gone = await self._database.write(erase)
        await self._database.wipe()
        return gone

    async def rekey(self, *, decrypt: bool, told: Told) -> int:
        changed = await rekeying.rekey(self._database, decrypt=decrypt, told=told)
        await self._database.wipe()
        return changed


class InRedis:
    """The live tracker, and whatever lets a server go on from it."""

    def __init__(self, places: Places) -> None:
        self._trackers, self._log = places.trackers, SqlLog(places.database)

    async def held(self, conversation_id: str) -> Mapping[str, Sequence[Any]]:
        if self._trackers is None:
            return {}
        found = await self._trackers.kept_events(conversation_id)
        return {"kept events": [msgspec.to_builtins(event) for event in found]}

    async def erase(self, conversation_id: str) -> Mapping[str, int]:
        if self._trackers is None:
            return {}
        _, epoch = await self._log.stands(conversation_id)
        return {"kept events": await self._trackers.erase(conversation_id, epoch=epoch)}

    async def rekey(self, *, decrypt: bool, told: Told) -> int:
        return 0  # what it keeps ends within a day, and is made anew from SQL


class InReview:
    """Sentences that wait for a label, or have one."""

    def __init__(self, places: Places) -> None:
        self._database = places.database
        self._reviews = SqlReviews(places.database, clock=places.clock)

    async def held(self, conversation_id: str) -> Mapping[str, Sequence[Any]]:
        found, wanted = list[ReviewItem](), Filter(conversation_id=conversation_id)
        after = ""
        while page := await self._reviews.listed(wanted, after=after, limit=REVIEW_PAGE):
            found += page
            after = page[-1].id
        return {"review items": [msgspec.to_builtins(item) for item in found]}

    async def erase(self, conversation_id: str) -> Mapping[str, int]:
        gone = await self._reviews.erase(conversation_id)
        await self._database.wipe()
        return {"review items": gone}

    async def rekey(self, *, decrypt: bool, told: Told) -> int:
        return 0  # they are in the log's database, which sees to all of its texts


class InTurns:
    """Turns read from logs to be learnt from, in a file beside this server's own."""

    def __init__(self, places: Places) -> None:
        self._file = shelf_file(places.settings)

    async def held(self, conversation_id: str) -> Mapping[str, Sequence[Any]]:
        found = await asyncio.to_thread(turns_of, self._file, conversation_id)
        return {"turns": [msgspec.to_builtins(turn) for turn in found]}

    async def erase(self, conversation_id: str) -> Mapping[str, int]:
        return {"turns": await asyncio.to_thread(erase_turns, self._file, conversation_id)}

    async def rekey(self, *, decrypt: bool, told: Told) -> int:
        return await asyncio.to_thread(rekey_turns, self._file, decrypt=decrypt)


HOLDERS: Mapping[str, Callable[[Places], Holder]] = {
    "log": InLog,
    "redis": InRedis,
    "review": InReview,
    "turns": InTurns,
}


def holders(places: Places) -> Iterator[tuple[str, Holder]]:
    """All of them by name, the log first."""
    for name, make in HOLDERS.items():
        yield name, make(places)
    for entry in sorted(entry_points(group="parley.holders"), key=lambda entry: entry.name):
        yield entry.name, entry.load()(places)


@asynccontextmanager
async def open_places(settings: Settings, *, prefix: str) -> AsyncIterator[Places]:
    """Where ``settings`` say that things are kept, closed after the block.

    ``prefix`` is that of the keys in Redis.
    """
    keys = settings.encryption_keys
    seal = seal_from(keys.get_secret_value() if keys else "")
    database = Database(settings.sql_url, seal=seal)
    try:
        if settings.redis_url is None:
            yield Places(settings, database)
            return
        async with open_redis(settings.redis_url, prefix=prefix, seal=seal) as stores:
            yield Places(settings, database, stores.trackers)
    finally:
        await database.close()
