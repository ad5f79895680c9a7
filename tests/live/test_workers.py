"""Several workers on one database and one Redis: every message once, in order, whatever dies."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot import reminders
from bot.dialogue.messages import Reminding, Reply
from bot.errors import Unavailable
from bot.external import external_message
from bot.inbox import Inbox, Limits
from bot.services import Services
from bot.store import schema
from bot.store.base import Reminder
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
    child = await doomed(postgres_url, redis_url, "message")
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


async def test_a_reminder_of_a_worker_killed_while_it_says_it_is_said_once_by_another(
    database_url: str, redis_url: str
) -> None:
    async with open_log(database_url) as log:
        await remind(services(log=log), "ann", time.time())
    child = await doomed(database_url, redis_url, "reminder")
    child.kill()
    await child.wait()
    async with worker(database_url, redis_url, Echo()) as (inbox, parley):
        await inbox.answer(message("after"), WAIT_S)
        assert await said_by_bot(parley.log) == ["EXTERNAL: ding", "after"]
        assert await parley.log.next_reminder() is None


async def test_overdue_reminders_are_said_once_after_a_start_whoever_rings(
    database_url: str, redis_url: str
) -> None:
    names = [f"user {n}" for n in range(20)]
    async with open_log(database_url) as log:
        for name in names:
            await remind(services(log=log), name, time.time() - 60)
    async with (
        worker(database_url, redis_url, Echo()) as (_, parley),
        worker(database_url, redis_url, Echo()),
        worker(database_url, redis_url, Echo()),
    ):
        for name in names:
            await eventually(lambda name=name: has_spoken(parley, name))  # type: ignore[misc]
        for name in names:
            assert await said_by_bot(parley.log, name) == ["EXTERNAL: ding"]


async def test_a_reminder_rings_in_time_at_another_worker_than_the_one_that_set_it(
    database_url: str, redis_url: str
) -> None:
    async with worker(database_url, redis_url, Echo()) as (_, parley):
        due_at = time.time() + 0.5
        await remind(parley, "ann", due_at)
        await eventually(lambda: has_spoken(parley, "ann"))
        assert due_at <= time.time() < due_at + reminders.POLL_S


async def remind(parley: Services, name: str, due_at: float) -> None:
    """Set a reminder of the conversation, as a turn does."""
    said = external_message(name, "ding", message_id="r1", reminder=Reminding("r1"))
    await parley.log.commit(name, [], seq=0, epoch=0, reminders=[Reminder(due_at, said)])
    await parley.news.publish(reminders.NEWS, "new")


async def has_spoken(parley: Services, name: str) -> bool:
    return bool(await said_by_bot(parley.log, name))


async def doomed(database_url: str, redis_url: str, wait_for: str) -> asyncio.subprocess.Process:
    """A worker in the middle of a turn that it will never finish."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.live.doomed_worker", database_url, redis_url, wait_for),
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout
    async with asyncio.timeout(WAIT_S):
        assert await child.stdout.readline() == b"working\n"
    return child


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
