"""Several workers on one database and one Redis: every message once, in order, whatever dies."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.dialogue.messages import Reply
from bot.errors import Unavailable
from bot.inbox import Inbox, Limits
from bot.services import Services
from bot.store import schema
from bot.store.redis import RedisLeases, open_redis
from bot.store.sql import open_log
from tests.servers import Postgres, Valkey
from tests.turns import Echo, eventually, message, said_by_bot, said_by_users, services

WAIT_S = 60.0
UNHURRIED_S = 5.0  # a busy machine is not an outage
BUSY = Limits(sweep_s=0.1, late_s=0.2)


@asynccontextmanager
async def worker(
    database_url: str, redis_url: str | None, echo: Echo, *, patience_s: float = UNHURRIED_S
) -> AsyncIterator[tuple[Inbox, Services]]:
    """What one process of a server has: connections and an inbox of its own."""
    async with open_log(database_url) as log:
        if redis_url is None:
            parley = services(log=log)
            async with Inbox(parley, take_turn=echo, limits=BUSY) as inbox:
                yield inbox, parley
            return
        async with open_redis(redis_url, patience_s=patience_s) as stores:
            leases = RedisLeases(stores.link, lease_s=3.0)
            parley = services(log=log, trackers=stores.trackers, leases=leases, news=stores.news)
            async with Inbox(parley, take_turn=echo, limits=BUSY) as inbox:
                yield inbox, parley


@pytest.fixture(params=["postgresql", "sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.mark.parametrize("with_redis", [True, False], ids=["redis", "no redis"])
async def test_two_workers_answer_a_conversation_in_order_and_each_message_once(
    with_redis: bool, database_url: str, redis_url: str
) -> None:
    texts = [str(n) for n in range(40)]
    shared = redis_url if with_redis else None
    one, two = Echo(), Echo()
    async with (
        worker(database_url, shared, one) as (first, parley),
        worker(database_url, shared, two) as (second, _),
    ):
        answers = await asyncio.gather(
            *(
                (first, second)[n % 2].answer(message(text, message_id=f"m{n}"), WAIT_S)
                for n, text in enumerate(texts)
            )
        )
        users, bot = await said_by_users(parley.log), await said_by_bot(parley.log)
        positions = [
            (await parley.log.accept(message(text, message_id=f"m{n}"))).position
            for n, text in enumerate(texts)
        ]
    assert [answer[0].text for answer in answers] == texts
    by_position = [text for _, text in sorted(zip(positions, texts, strict=True))]
    assert users == bot == by_position
    if with_redis:  # the lease spared every turn but one
        assert len(one.heard) + len(two.heard) == len(texts)


async def test_the_same_message_at_both_workers_at_once_is_answered_once(
    database_url: str, redis_url: str
) -> None:
    one, two = Echo(), Echo()
    async with (
        worker(database_url, redis_url, one) as (first, parley),
        worker(database_url, redis_url, two) as (second, _),
    ):
        answers = await asyncio.gather(
            *(i.answer(message("hello", message_id="m1"), WAIT_S) for i in (first, second) * 10)
        )
        assert await said_by_users(parley.log) == ["hello"]
    assert answers == [(Reply("ann", "hello"),)] * 20
    assert len(one.heard) + len(two.heard) == 1


async def test_a_message_of_a_worker_that_was_killed_is_finished_by_another(
    postgres_url: str, redis_url: str
) -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.live.doomed_worker", postgres_url, redis_url),
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout
    async with asyncio.timeout(WAIT_S):
        assert await child.stdout.readline() == b"working\n"
    async with worker(postgres_url, redis_url, Echo()) as (inbox, parley):
        await inbox.accept(message("second", message_id="m2"))
        second = asyncio.create_task(inbox.answer(message("second", message_id="m2"), WAIT_S))
        assert await said_by_users(parley.log) == [], "the lease is still held"
        child.kill()
        await child.wait()
        assert await second == (Reply("ann", "second"),)
        first = await inbox.answer(message("first", message_id="m1"), WAIT_S)
        assert first == (Reply("ann", "first"),)
        assert await said_by_users(parley.log) == ["first", "second"]


async def test_a_redis_that_dies_and_returns_empty_in_a_conversation_changes_nothing(
    database_url: str, own_valkey: Valkey
) -> None:
    texts = [str(n) for n in range(30)]
    async with (
        worker(database_url, own_valkey.url, Echo(), patience_s=0.25) as (first, parley),
        worker(database_url, own_valkey.url, Echo(), patience_s=0.25) as (second, _),
    ):
        for n, text in enumerate(texts):
            if n == 10:
                own_valkey.kill()
            if n == 20:
                own_valkey.start()
            inbox = (first, second)[n % 2]
            assert await inbox.answer(message(text), WAIT_S) == (Reply("ann", text),)
        assert await said_by_users(parley.log) == texts
        assert await said_by_bot(parley.log) == texts
        history = await parley.log.history("ann")
        await eventually(lambda: kept(parley, history.seq, first))


async def test_a_database_that_dies_refuses_messages_and_finishes_the_accepted_ones_later(
    own_postgres: Postgres, redis_url: str
) -> None:
    url = own_postgres.url("postgres")
    await asyncio.to_thread(schema.upgrade, url)
    entered, let_through = asyncio.Event(), asyncio.Event()

    async def hold_up(waiting: object) -> None:
        entered.set()
        await let_through.wait()

    async with worker(url, redis_url, Echo(hold_up)) as (inbox, parley):
        await inbox.accept(message("accepted", message_id="m1"))
        await entered.wait()
        await asyncio.to_thread(own_postgres.stop)
        let_through.set()
        with pytest.raises(Unavailable):
            await inbox.answer(message("refused"), WAIT_S)
        await asyncio.to_thread(own_postgres.start)
        answer = await inbox.answer(message("accepted", message_id="m1"), WAIT_S)
        assert answer == (Reply("ann", "accepted"),)
        assert await said_by_users(parley.log) == ["accepted"]


async def kept(parley: Services, seq: int, inbox: Inbox) -> bool:
    """Whether Redis has the tracker of a further turn."""
    await inbox.answer(message("more"), WAIT_S)
    found = await parley.trackers.load("ann")
    return found is not None and found[0].seq > seq
