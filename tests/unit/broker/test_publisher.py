"""Events leave the log for the broker: all, in order, again when it failed, never doubled else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.broker import publisher
from bot.broker.opening import broker_of
from bot.broker.publisher import hand_on, publish
from bot.dialogue.events import SlotSet
from bot.errors import Conflict, SettingsError, Unavailable
from bot.store.memory import MemoryLeases
from bot.store.redis import RedisLeases, open_redis
from bot.store.sql import SqlLog, open_log
from bot.upkeep import beside
from tests.servers import Valkey
from tests.turns import eventually

SOON_S = 10.0


class Ear:
    """Takes events, unless it is told to fail first."""

    def __init__(self, failures: int = 0) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.tries = 0
        self.all_there = asyncio.Event()
        self._failures = failures

    async def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        self.tries += 1
        if self.tries <= self._failures:
            raise Unavailable("nobody at home")
        self.heard += [(event["sender_id"], event["value"]) for event in events]
        self.all_there.set()


@pytest.fixture(params=["sqlite", "postgres"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[SqlLog]:
    url: str = request.getfixturevalue(f"{request.param}_url")
    async with open_log(url, publishing=True) as log:
        yield log


def slots(*values: int) -> list[SlotSet]:
    return [SlotSet(name="n", value=value) for value in values]


async def test_what_is_logged_is_handed_on_once_in_order(log: SqlLog) -> None:
    ear = Ear()
    await log.commit("ann", slots(1, 2), seq=0, epoch=0)
    await log.commit("bob", slots(7), seq=0, epoch=0)
    await log.commit("ann", slots(3), seq=2, epoch=0)
    assert await hand_on(log, ear)
    assert not await hand_on(log, ear)
    assert ear.heard == [("ann", 1), ("ann", 2), ("bob", 7), ("ann", 3)]


async def test_a_refused_commit_is_not_handed_on(log: SqlLog) -> None:
    with pytest.raises(Conflict):
        await log.commit("ann", slots(1), seq=5, epoch=0)
    assert await log.unpublished(limit=10) == []


async def test_events_put_in_the_place_of_others_are_handed_on(log: SqlLog) -> None:
    ear = Ear()
    await log.commit("ann", slots(1), seq=0, epoch=0)
    await log.replace("ann", slots(1, 2), seq=1, epoch=0)
    await hand_on(log, ear)
    assert ear.heard == [("ann", 1), ("ann", 1), ("ann", 2)]


async def test_what_a_broker_did_not_take_waits_for_it(log: SqlLog) -> None:
    ear = Ear(failures=1)
    await log.commit("ann", slots(1, 2), seq=0, epoch=0)
    with pytest.raises(Unavailable):
        await hand_on(log, ear)
    await hand_on(log, ear)
    assert ear.heard == [("ann", 1), ("ann", 2)]


async def test_a_log_without_a_broker_sets_nothing_aside(sqlite_url: str) -> None:
    async with open_log(sqlite_url) as log:
        await log.commit("ann", slots(1), seq=0, epoch=0)
        assert await log.unpublished(limit=10) == []


async def test_a_broker_that_comes_back_gets_what_it_missed(
    log: SqlLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "AGAIN_S", (0.01, 0.02))
    ear = Ear(failures=4)
    await log.commit("ann", slots(1), seq=0, epoch=0)
    task = asyncio.create_task(publish(log, ear, MemoryLeases()))
    async with asyncio.timeout(SOON_S):
        await ear.all_there.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ear.heard == [("ann", 1)]


async def test_of_two_workers_one_hands_on(log: SqlLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "AGAIN_S", (0.01, 0.02))
    one, two = Ear(), Ear()
    leases = MemoryLeases()
    tasks = [asyncio.create_task(publish(log, ear, leases)) for ear in (one, two)]
    for n in range(20):
        await log.commit("ann", slots(n), seq=n, epoch=0)

    async def is_empty() -> bool:
        return not await log.unpublished(limit=1)

    await eventually(is_empty)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert one.heard + two.heard == [("ann", n) for n in range(20)]
    assert not (one.heard and two.heard)


def test_a_project_without_a_broker_has_none() -> None:
    assert broker_of({}) is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"type": "carrier-pigeon"}, "Known: file, kafka, pika, sql"),
        ({"type": "my_brokers.Pigeon"}, "my_brokers.Pigeon cannot be imported"),
    ],
)
def test_a_broker_that_is_none_is_left_out_and_told_with_those_there_are(
    options: dict[str, str], told: str
) -> None:
    with capture_logs() as logs:
        assert broker_of(options) is None
    assert told in logs[0]["hint"]


def test_a_missing_library_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "bot.broker.kafka", None)  # as if it could not be imported
    with pytest.raises(SettingsError, match=r"kafka needs aiokafka.*parley\[broker\]"):
        broker_of({"type": "kafka"})


async def test_workers_that_began_without_redis_leave_it_to_one_once_redis_is_there(
    log: SqlLog, own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "AGAIN_S", (0.01, 0.02))
    own_valkey.kill()
    one, two = Ear(), Ear()

    async def is_told(event: str) -> bool:
        return any(line["event"] == event for line in logs)

    async def is_empty() -> bool:
        return not await log.unpublished(limit=1)

    with capture_logs() as logs:
        async with (
            open_redis(own_valkey.url) as here,
            open_redis(own_valkey.url) as there,
            beside(publish(log, one, RedisLeases(here.link, lease_s=0.3))),
            beside(publish(log, two, RedisLeases(there.link, lease_s=0.3))),
        ):
            await eventually(lambda: is_told("redis.failing"))
            own_valkey.start()
            await eventually(lambda: is_told("lease.lost"))
            for n in range(20):
                await log.commit("ann", slots(n), seq=n, epoch=0)
            await eventually(is_empty)
    heard = sorted((one.heard, two.heard))
    assert heard == [[], [("ann", n) for n in range(20)]]
