"""People, their sessions and their tries keep the same contract wherever they are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.errors import Unavailable
from bot.people.memory import MOST_KEPT, MemoryPeople, MemorySessions, MemoryTries
from bot.people.person import People
from bot.people.sessions import Session, Sessions, Tries
from bot.store.database import Database
from bot.store.people import SqlPeople
from bot.store.redis import RedisStores, open_redis
from bot.store.sessions import RedisSessions, RedisTries
from bot.testing.people import PeopleContract, SessionsContract, TriesContract
from tests.servers import free_port

UNHURRIED_S = 5.0  # a busy machine is not an outage


@pytest.fixture
async def stores(redis_url: str) -> AsyncIterator[RedisStores]:
    async with open_redis(redis_url, patience_s=UNHURRIED_S) as stores:
        yield stores


class TestMemoryPeople(PeopleContract):
    @pytest.fixture
    def people(self) -> People:
        return MemoryPeople()


class TestSqlitePeople(PeopleContract):
    @pytest.fixture
    async def people(self, sqlite_url: str) -> AsyncIterator[People]:
        database = Database(sqlite_url)
        yield SqlPeople(database)
        await database.close()


class TestPostgresPeople(PeopleContract):
    @pytest.fixture
    async def people(self, postgres_url: str) -> AsyncIterator[People]:
        database = Database(postgres_url)
        yield SqlPeople(database)
        await database.close()


class TestMemorySessions(SessionsContract):
    @pytest.fixture
    def sessions(self) -> Sessions:
        return MemorySessions()

    async def test_a_session_nobody_asks_for_is_over(self) -> None:
        now = 0.0
        sessions, session = MemorySessions(lambda: now), Session("mia", "s1", 1e10)
        await sessions.keep("k", session, idle_s=10)
        for now in (9.0, 18.0, 27.0):  # noqa: B007
            assert await sessions.find("k", idle_s=10) == session
        now = 37.0
        assert await sessions.find("k", idle_s=10) is None


class TestRedisSessions(SessionsContract):
    @pytest.fixture
    def sessions(self, stores: RedisStores) -> Sessions:
        return RedisSessions(stores.link)

    async def test_a_session_ends_by_itself_and_later_when_it_is_asked_for(
        self, stores: RedisStores
    ) -> None:
        sessions = RedisSessions(stores.link)
        await sessions.keep("k", Session("mia", "s1", 1e10), idle_s=60)
        left = ("PTTL", stores.link.key("k", "session"))
        assert 0 < await stores.link.ask("test", *left) <= 60_000
        await sessions.find("k", idle_s=600)
        assert 60_000 < await stores.link.ask("test", *left) <= 600_000

    async def test_without_redis_nobody_has_signed_in_and_it_is_said(self) -> None:
        async with open_redis(f"redis://127.0.0.1:{free_port()}") as stores:
            with pytest.raises(Unavailable, match="Redis"):
                await RedisSessions(stores.link).find("k", idle_s=60)
            with pytest.raises(Unavailable, match="Redis"):
                await RedisTries(stores.link).count("k", within_s=60)


class TestMemoryTries(TriesContract):
    @pytest.fixture
    def tries(self) -> Tries:
        return MemoryTries()

    async def test_tries_of_long_ago_do_not_count(self) -> None:
        now = 0.0
        tries = MemoryTries(lambda: now)
        await tries.count("k", within_s=10)
        now = 10.0
        assert await tries.count("k", within_s=10) == (1, 10.0)

    async def test_there_is_an_end_to_what_is_remembered(self) -> None:
        tries = MemoryTries()
        for number in range(MOST_KEPT + 1):
            await tries.count(str(number), within_s=10)
        assert (await tries.count("0", within_s=10))[0] == 1
        assert (await tries.count(str(MOST_KEPT), within_s=10))[0] == 2


class TestRedisTries(TriesContract):
    @pytest.fixture
    def tries(self, stores: RedisStores) -> Tries:
        return RedisTries(stores.link)
