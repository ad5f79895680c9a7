"""Redis that is not there, slow, empty, read-only or odd: slower, never an error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.dialogue.events import SlotSet, UserUttered
from bot.store.base import TrackerStore
from bot.store.redis import RedisLeases, RedisStores, RedisTrackers, open_redis
from bot.testing.store import next_of, tracker
from tests.servers import Valkey, free_port
from tests.turns import eventually

LONG_S = 5.0  # what must not be waited for takes longer


@pytest.fixture
async def stores(own_valkey: Valkey) -> AsyncIterator[RedisStores]:
    async with open_redis(own_valkey.url) as stores:
        yield stores


async def test_without_redis_nothing_is_kept_and_everybody_holds_every_lease() -> None:
    began = time.monotonic()
    async with open_redis(f"redis://127.0.0.1:{free_port()}") as stores:
        await stores.trackers.keep(tracker("ann", 7), epoch=0)
        assert await stores.trackers.load("ann") is None
        await stores.trackers.forget("ann")
        async with stores.leases.hold("ann") as first, stores.leases.hold("ann") as second:
            assert first
            assert second
        async with stores.news.follow("ann") as notes:
            await stores.news.publish("ann", "note")
            assert await next_of(notes) == "note", "within a process news need no Redis"
        assert not await stores.link.ping()
    assert time.monotonic() - began < LONG_S


async def test_an_outage_is_logged_once_and_so_is_its_end(own_valkey: Valkey) -> None:
    own_valkey.kill()
    with capture_logs() as logs:
        async with open_redis(own_valkey.url) as stores:
            for seq in range(20):
                await stores.trackers.keep(tracker("ann", seq), epoch=0)
                await stores.trackers.load("ann")
            own_valkey.start()
            await eventually(stores.link.ping)
    told = [line["event"] for line in logs if line.get("what") == "connection"]
    assert told == ["redis.failing", "redis.works"]


async def test_a_redis_that_comes_back_empty_is_used_again(
    own_valkey: Valkey, stores: RedisStores
) -> None:
    await stores.trackers.keep(tracker("ann", 7), epoch=0)
    own_valkey.kill()
    assert await stores.trackers.load("ann") is None
    own_valkey.start()
    await eventually(stores.link.ping)
    assert await stores.trackers.load("ann") is None
    await stores.trackers.keep(tracker("ann", 8), epoch=0)
    assert await stores.trackers.load("ann") == (tracker("ann", 8), 0)
    async with stores.leases.hold("ann"), stores.leases.hold("ann") as second:
        assert not second


async def test_news_are_heard_again_after_a_restart(
    own_valkey: Valkey, stores: RedisStores
) -> None:
    async with open_redis(own_valkey.url) as other, stores.news.follow("ann") as notes:
        await other.news.publish("ann", "before")
        assert await next_of(notes) == "before"
        own_valkey.kill()
        own_valkey.start()
        async with asyncio.timeout(10):
            heard = asyncio.ensure_future(anext(notes))
            while not heard.done():  # lost until the connection is back
                await other.news.publish("ann", "after")
                await asyncio.wait([heard], timeout=0.05)
        assert heard.result() == "after"


async def test_nothing_is_kept_of_conversations_that_were_followed_for_a_moment(
    stores: RedisStores,
) -> None:
    async def follow(name: str) -> None:
        async with stores.news.follow(name):
            await asyncio.Event().wait()

    async def nothing_is_kept() -> bool:
        return not stores.news._subscribed

    for n in range(100):
        task = asyncio.create_task(follow(f"user {n}"))
        for _ in range(n % 5):
            await asyncio.sleep(0)
        task.cancel()
    await eventually(nothing_is_kept)


async def test_a_redis_that_hangs_holds_nobody_up_for_long(
    own_valkey: Valkey, stores: RedisStores
) -> None:
    await stores.trackers.keep(tracker("ann", 7), epoch=0)
    own_valkey.pause()
    began = time.monotonic()
    for _ in range(20):
        assert await stores.trackers.load("ann") is None
        async with stores.leases.hold("ann") as held:
            assert held
    assert time.monotonic() - began < LONG_S
    own_valkey.resume()
    await eventually(stores.link.ping)
    assert await stores.trackers.load("ann") == (tracker("ann", 7), 0)


async def test_a_tracker_that_redis_would_not_replace_is_not_used(
    own_valkey: Valkey, stores: RedisStores
) -> None:
    await stores.trackers.keep(tracker("ann", 7), epoch=0)
    own_valkey.send("CONFIG SET min-replicas-to-write 1")  # as after a failover: reads, no writes
    with capture_logs() as logs:
        for seq in (8, 9):
            await stores.trackers.keep(tracker("ann", seq), epoch=0)
            assert await stores.trackers.load("ann") is None
        async with stores.leases.hold("ann") as held:
            assert held
    assert len([line for line in logs if line.get("what") == "keep"]) == 1
    own_valkey.send("CONFIG SET min-replicas-to-write 0")
    assert await stores.trackers.load("ann") is None
    await stores.trackers.keep(tracker("ann", 9), epoch=0)
    assert await stores.trackers.load("ann") == (tracker("ann", 9), 0)


@pytest.mark.parametrize(
    "command",
    [
        "SET parley:{ann}:tracker nonsense",
        "HSET parley:{ann}:tracker first nonsense",
        "HSET parley:{ann}:tracker seq 9",
        "DEL parley:{ann}:events",
        "RPUSH parley:{ann}:events nonsense",
        "LSET parley:{ann}:events 0 nonsense",
        "HSET parley:{ann}:tracker epoch nonsense",
        "HDEL parley:{ann}:tracker origin",
        "HDEL parley:{ann}:tracker form",
    ],
)
async def test_a_key_that_holds_something_else_is_passed_over_and_written_anew(
    command: str, own_valkey: Valkey, stores: RedisStores
) -> None:
    await stores.trackers.keep(tracker("ann", 7), epoch=0)
    assert not own_valkey.send(*command.split()).startswith(b"-")
    assert await RedisTrackers(stores.link).load("ann") is None
    await stores.trackers.keep(tracker("ann", 8), epoch=0)
    assert await RedisTrackers(stores.link).load("ann") == (tracker("ann", 8), 0)


async def test_what_one_process_keeps_another_loads_whole_and_then_what_is_new(
    stores: RedisStores,
) -> None:
    here, there = RedisTrackers(stores.link), RedisTrackers(stores.link)
    talk = tracker("ann", 6)
    for number in range(3):
        await here.keep(talk, epoch=0)
        assert await there.load("ann") == (talk, 0)
        talk = talk.apply(SlotSet(name="city", value=f"Rome {number}"))
        await there.keep(talk, epoch=0)
        assert await here.load("ann") == (talk, 0)
        talk = talk.apply(UserUttered(text="and back"))


async def test_of_a_conversation_known_here_only_what_is_new_crosses_the_wire(
    own_valkey: Valkey, stores: RedisStores
) -> None:
    here, there = RedisTrackers(stores.link), RedisTrackers(stores.link)
    talk = tracker("ann", 6).apply_all([SlotSet(name="city", value="x" * 1000)] * 500)
    await here.keep(talk, epoch=0)
    await there.load("ann")
    before = traffic(own_valkey)
    for number in range(10):
        talk = talk.apply(SlotSet(name="city", value=str(number)))
        await here.keep(talk, epoch=0)
        assert await there.load("ann") == (talk, 0)
    assert traffic(own_valkey) - before < 100_000  # of 5 MB, were it whole each time


async def test_of_a_tracker_at_hand_where_the_log_stands_redis_is_not_asked(
    own_valkey: Valkey, stores: RedisStores
) -> None:
    talk = tracker("ann", 6)
    await stores.trackers.keep(talk, epoch=2)
    own_valkey.send("FLUSHALL")
    assert await stores.trackers.load("ann", stands=(6, 2)) == (talk, 2)
    assert await stores.trackers.load("ann", stands=(6, 3)) is None


async def test_a_script_that_redis_forgot_is_sent_again(
    own_valkey: Valkey, stores: RedisStores
) -> None:
    await stores.trackers.keep(tracker("ann", 7), epoch=0)
    own_valkey.send("SCRIPT FLUSH")
    await stores.trackers.keep(tracker("ann", 8), epoch=0)
    assert await RedisTrackers(stores.link).load("ann") == (tracker("ann", 8), 0)


async def test_a_session_too_long_to_carry_is_kept_as_a_sum_and_the_rest(
    stores: RedisStores,
) -> None:
    talk = tracker("ann", 6).apply_all([SlotSet(name="city", value=str(n)) for n in range(2500)])
    assert talk.base is not None
    await stores.trackers.keep(talk, epoch=0)
    assert await RedisTrackers(stores.link).load("ann") == (talk, 0)


def traffic(valkey: Valkey) -> int:
    """Bytes that went in and out of it."""
    told = valkey.send("INFO", "stats").decode()
    fields = dict(line.split(":", 1) for line in told.splitlines() if ":" in line)
    return int(fields["total_net_input_bytes"]) + int(fields["total_net_output_bytes"])


async def test_a_server_that_talks_nonsense_is_no_redis() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with open_redis(f"redis://127.0.0.1:{port}") as stores:
        await stores.trackers.keep(tracker("ann", 7), epoch=0)
        assert await stores.trackers.load("ann") is None
        async with stores.leases.hold("ann") as held:
            assert held
    server.close()
    await server.wait_closed()


async def test_a_tracker_of_another_model_is_replayed(own_valkey: Valkey) -> None:
    async def kept(trackers: TrackerStore) -> bool:
        return await trackers.load("ann") is not None

    async with (
        open_redis(own_valkey.url, model_id="one") as one,
        open_redis(own_valkey.url, model_id="two") as two,
    ):
        await one.trackers.keep(tracker("ann", 7), epoch=0)
        assert await kept(one.trackers)
        assert not await kept(two.trackers)


async def test_two_parleys_share_a_redis_by_prefix(own_valkey: Valkey) -> None:
    async with (
        open_redis(own_valkey.url, prefix="one") as one,
        open_redis(own_valkey.url, prefix="two") as two,
    ):
        await one.trackers.keep(tracker("ann", 7), epoch=0)
        assert await two.trackers.load("ann") is None
        async with one.leases.hold("ann"), two.leases.hold("ann") as held:
            assert held


async def test_a_lease_outlives_its_time_while_it_is_held(stores: RedisStores) -> None:
    leases = RedisLeases(stores.link, lease_s=0.3)
    async with leases.hold("ann"):
        end = time.monotonic() + 0.9
        while time.monotonic() < end:
            assert not await taken(leases)


async def test_the_lease_of_a_dead_holder_ends_by_itself(
    own_valkey: Valkey, stores: RedisStores
) -> None:
    own_valkey.send("SET parley:{ann}:lease somebody PX 200")
    assert not await taken(stores.leases)
    await eventually(lambda: taken(stores.leases))


async def test_a_lease_that_was_lost_is_noticed_and_not_taken_from_its_new_holder(
    own_valkey: Valkey, stores: RedisStores
) -> None:
    leases = RedisLeases(stores.link, lease_s=0.1)
    with capture_logs() as logs:
        async with leases.hold("ann"):
            own_valkey.send("SET parley:{ann}:lease somebody PX 60000")
            await eventually(lambda: told(logs, "lease.lost"))
    assert not await taken(leases)


async def test_a_lease_whose_end_redis_did_not_hear_of_holds_up_others_only(
    own_valkey: Valkey, stores: RedisStores
) -> None:
    async with stores.leases.hold("ann") as held:
        assert held
        own_valkey.send("CONFIG SET min-replicas-to-write 1")  # as after a failover: no writes
    own_valkey.send("CONFIG SET min-replicas-to-write 0")
    async with open_redis(own_valkey.url) as other, other.leases.hold("ann") as held:
        assert not held
    async with stores.leases.hold("ann") as held:
        assert held


async def test_a_lease_that_redis_forgot_is_taken_again(
    own_valkey: Valkey, stores: RedisStores
) -> None:
    async def exists() -> bool:
        return own_valkey.send("EXISTS parley:{ann}:lease") == b":1\r\n"

    leases = RedisLeases(stores.link, lease_s=0.3)
    async with leases.hold("ann"):
        own_valkey.send("FLUSHALL")
        await eventually(exists)
        assert not await taken(leases)


async def taken(leases: RedisLeases) -> bool:
    """Whether the lease was to be had; given back at once."""
    async with leases.hold("ann") as held:
        return held


async def told(logs: Sequence[Mapping[str, Any]], event: str) -> bool:
    return any(line["event"] == event for line in logs)
