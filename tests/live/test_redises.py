"""Redis that fails over by Sentinel or moves slots between the nodes of a Cluster, with a password
or a certificate: turns continue, nothing wrong is served."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from redis.crc import key_slot

from bot.errors import Unavailable
from bot.services import Services
from bot.store.link import reach
from bot.store.redis import RedisStores, RedisTrackers, open_redis
from bot.testing.store import next_of, tracker
from tests.live.test_server_api import certificate
from tests.live.test_workers import WAIT_S, worker
from tests.redises import Clustered, Watched
from tests.servers import Valkey
from tests.turns import Echo, eventually, message, said_by_bot, said_by_users

pytestmark = pytest.mark.services
SLOT = key_slot(b"{ann}")


@pytest.fixture
async def parley_and_inboxes(sqlite_url: str, own_watched: Watched) -> AsyncIterator[tuple]:
    """Two workers that find Redis by Sentinel."""
    async with (
        worker(sqlite_url, own_watched.url, Echo(), patience_s=0.25) as (first, parley),
        worker(sqlite_url, own_watched.url, Echo(), patience_s=0.25) as (second, _),
    ):
        yield parley, (first, second)


async def talked(inboxes: tuple, begin: int, end: int) -> None:
    for n in range(begin, end):
        answer = await inboxes[n % 2].answer(message(str(n), message_id=f"m{n}"), WAIT_S)
        assert [reply.text for reply in answer] == [str(n)]


async def in_order(parley: Services, count: int) -> None:
    texts = [str(n) for n in range(count)]
    assert await said_by_users(parley.log) == texts
    assert await said_by_bot(parley.log) == texts


async def kept(parley: Services) -> bool:
    """Whether Redis has the tracker as the log has it."""
    found = await RedisTrackers(parley.trackers._link).load("ann")  # type: ignore[attr-defined]
    return found is not None and found[0].seq == (await parley.log.stands("ann"))[0]


async def test_turns_go_on_while_the_master_dies_and_its_replica_takes_over(
    own_watched: Watched, parley_and_inboxes: tuple
):
    parley, inboxes = parley_and_inboxes
    await talked(inboxes, 0, 10)
    own_watched.master.kill()
    await talked(inboxes, 10, 20)
    await eventually(lambda: promoted(own_watched))
    await eventually(parley.trackers._link.ping)
    await talked(inboxes, 20, 30)
    await in_order(parley, 30)
    assert await kept(parley)
    assert own_watched.replica.send("EXISTS", "parley:{ann}:tracker") == b":1\r\n"


async def test_a_master_that_is_only_demoted_is_left_for_the_new_one(
    own_watched: Watched, parley_and_inboxes: tuple
):
    parley, inboxes = parley_and_inboxes
    await talked(inboxes, 0, 5)
    own_watched.sentinels[0].send("SENTINEL", "FAILOVER", "desk")
    await eventually(lambda: promoted(own_watched))
    await talked(inboxes, 5, 10)
    await eventually(lambda: talked_and_kept(parley, inboxes))
    assert (await parley.log.stands("ann"))[0] > 0


async def talked_and_kept(parley: Services, inboxes: tuple) -> bool:
    await inboxes[0].answer(message("more"), WAIT_S)
    return await kept(parley)


async def promoted(servers: Watched) -> bool:
    return await asyncio.to_thread(servers.now) == servers.replica.port


@pytest.fixture
async def stores(own_cluster: Clustered) -> AsyncIterator[RedisStores]:
    async with open_redis(own_cluster.url, patience_s=5.0) as stores:
        yield stores


async def test_a_conversation_goes_on_while_its_slot_moves_to_another_node(
    sqlite_url: str, own_cluster: Clustered
):
    here = own_cluster.holder(SLOT)
    there = next(node for node in own_cluster.nodes if node is not here)
    async with (
        worker(sqlite_url, own_cluster.url, Echo()) as (first, parley),
        worker(sqlite_url, own_cluster.url, Echo()) as (second, _),
    ):
        inboxes = (first, second)
        await talked(inboxes, 0, 4)
        own_cluster.begin_move(SLOT, there)
        await talked(inboxes, 4, 8)
        own_cluster.move_keys(SLOT, there)
        await talked(inboxes, 8, 12)
        await eventually(lambda: kept(parley))  # asked for where they are going
        own_cluster.end_move(SLOT, there)
        await talked(inboxes, 12, 16)
        await in_order(parley, 16)
        await eventually(lambda: kept(parley))
    assert there.send("EXISTS", "parley:{ann}:tracker") == b":1\r\n"


async def test_while_a_node_is_gone_the_others_serve_their_conversations(
    own_cluster: Clustered, stores: RedisStores
):
    names = [f"user {n}" for n in range(12)]
    for name in names:
        await stores.trackers.keep(tracker(name, 3), epoch=0)
    lost = own_cluster.nodes[0]
    lost.kill()
    for name in names:
        away = own_cluster.holder(key_slot(f"{{{name}}}".encode())) is lost
        found = await RedisTrackers(stores.link).load(name)
        assert (found is None) is away
        async with stores.leases.hold(name) as lease:
            assert lease, "where Redis cannot be asked, everybody holds every lease"
    assert not await stores.link.ping()
    lost.start()
    await eventually(stores.link.ping)


async def test_news_are_heard_at_whatever_node_and_after_it_died(own_cluster: Clustered):
    async with (
        open_redis(own_cluster.url, patience_s=5.0) as here,
        open_redis(own_cluster.url, patience_s=5.0) as there,
        here.news.follow("ann") as notes,
    ):
        await there.news.publish("ann", "note")
        assert await next_of(notes) == "note"


async def test_a_password_and_a_wrong_one():
    valkey = Valkey("--requirepass", "sesame open")
    valkey.start()
    try:
        url = f"redis://:sesame%20open@127.0.0.1:{valkey.port}/0"
        await reach(url)
        async with open_redis(url) as stores:
            await stores.trackers.keep(tracker("ann", 7), epoch=0)
            assert await stores.trackers.load("ann") == (tracker("ann", 7), 0)
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as raised:
            await reach(url.replace("open", "shut"), within_s=0.5)
        assert "sesame" not in str(raised.value)
    finally:
        valkey.kill()


async def test_over_tls_by_an_authority_of_ones_own(tmp_path: Path, own_valkey: Valkey):
    chain, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    async with forwarding(own_valkey.port, context) as port:
        await reach(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={chain}")
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await reach(f"rediss://127.0.0.1:{port}/0", within_s=0.5)


@asynccontextmanager
async def forwarding(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Where bytes come over TLS that go on to ``port``."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, on = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, on), pass_on(back, writer))

    async with await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def test_what_is_no_cluster_and_what_sentinel_does_not_know_is_said(own_valkey: Valkey):
    with pytest.raises(Unavailable, match="Cluster at 127"):
        await reach(f"redis+cluster://127.0.0.1:{own_valkey.port}", within_s=0.5)
    with pytest.raises(Unavailable, match="desk, of Sentinel at 127"):
        await reach(f"redis+sentinel://127.0.0.1:{own_valkey.port}/desk", within_s=0.5)
