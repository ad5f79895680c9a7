"""Redis by Sentinel, a Cluster and PostgreSQL, reached over TLS with certificates on both sides.

Their builds for tests speak no TLS: a front of ours does, before each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from redis.crc import key_slot

from bot.errors import Unavailable
from bot.store import schema
from bot.store.link import reach
from bot.store.redis import RedisTrackers
from tests.certificates import ELSEWHERE, Authority
from tests.fronts import Front, Opener, fronts
from tests.live.test_workers import UNHURRIED_S, WAIT_S, worker
from tests.redises import Clustered, Reached, Watched, clustered, watched
from tests.servers import Postgres, Valkey
from tests.turns import Echo, eventually, message, said_by_bot

pytestmark = pytest.mark.services
SLOT = key_slot(b"{ann}")
REFUSED = "CERTIFICATE_VERIFY_FAILED"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ours", "ours")


@pytest.fixture
def ours(authority: Authority) -> dict[str, str]:
    """The options of a Redis URL with the right certificates."""
    crt, key = authority.issue("client")
    return {"ssl_ca_certs": str(authority.file), "ssl_certfile": str(crt), "ssl_keyfile": str(key)}


@pytest.fixture
def front(authority: Authority) -> Iterator[Opener]:
    with fronts(authority.server("server")) as opener:
        yield opener


def behind(front: Opener) -> tuple[Reached, dict[int, Front]]:
    """Where each server is reached, and the front that stands there."""
    opened: dict[int, Front] = {}

    def reached(port: int) -> int:
        if port not in opened:
            opened[port] = front(port)
        return opened[port].port

    return reached, opened


def over_tls(url: str, options: dict[str, str]) -> str:
    return f"{url.replace('redis', 'rediss', 1)}?{urlencode(options)}"


async def refused(url: str, ours: dict[str, str], stranger: Authority) -> None:
    """Neither is a server of another authority believed, nor a client without a certificate."""
    with pytest.raises(Unavailable, match=REFUSED):
        await reach(over_tls(url, {**ours, "ssl_ca_certs": str(stranger.file)}), within_s=0.5)
    with pytest.raises(Unavailable):
        await reach(over_tls(url, {"ssl_ca_certs": ours["ssl_ca_certs"]}), within_s=0.5)


async def test_by_sentinel_over_tls_turns_go_on_while_the_master_dies(
    sqlite_url: str, front: Opener, ours: dict[str, str], tmp_path: Path
):
    reached, opened = behind(front)
    with watched(reached) as servers:
        await refused(servers.url, ours, Authority(tmp_path / "other", "other"))
        async with worker(
            sqlite_url, over_tls(servers.url, ours), Echo(), patience_s=UNHURRIED_S
        ) as (inbox, parley):
            await inbox.answer(message("0", message_id="m0"), WAIT_S)
            await eventually(lambda: kept(parley))
            assert opened[servers.master.port].secured
            servers.master.kill()
            await inbox.answer(message("1", message_id="m1"), WAIT_S)
            await eventually(lambda: promoted(servers, reached))
            await eventually(parley.trackers._link.ping)
            await inbox.answer(message("2", message_id="m2"), WAIT_S)
            assert await said_by_bot(parley.log) == ["0", "1", "2"]
            await eventually(lambda: kept(parley))
        assert opened[servers.replica.port].secured
        assert servers.replica.send("EXISTS", "parley:{ann}:tracker") == b":1\r\n"


async def promoted(servers: Watched, reached: Reached) -> bool:
    return await asyncio.to_thread(servers.now) == reached(servers.replica.port)


async def kept(parley) -> bool:
    """Whether Redis has the tracker as the log has it."""
    found = await RedisTrackers(parley.trackers._link).load("ann")
    return found is not None and found[0].seq == (await parley.log.stands("ann"))[0]


async def test_a_cluster_over_tls_is_followed_to_where_a_slot_moves(
    sqlite_url: str, front: Opener, ours: dict[str, str], tmp_path: Path
):
    reached, opened = behind(front)
    with clustered(reached) as servers:
        await refused(servers.url, ours, Authority(tmp_path / "other", "other"))
        here, there = servers.holder(SLOT), moving_to(servers)
        async with worker(sqlite_url, over_tls(servers.url, ours), Echo()) as (inbox, parley):
            await inbox.answer(message("0", message_id="m0"), WAIT_S)
            await eventually(lambda: kept(parley))
            servers.begin_move(SLOT, there)
            servers.move_keys(SLOT, there)
            await inbox.answer(message("1", message_id="m1"), WAIT_S)
            servers.end_move(SLOT, there)
            await inbox.answer(message("2", message_id="m2"), WAIT_S)
            assert await said_by_bot(parley.log) == ["0", "1", "2"]
            await eventually(lambda: kept(parley))
        assert opened[here.port].secured  # the third need not have been asked anything
        assert opened[there.port].secured


def moving_to(servers: Clustered) -> Valkey:
    here = servers.holder(SLOT)
    return next(node for node in servers.nodes if node is not here)


async def test_a_certificate_of_another_name_is_not_believed(
    own_valkey: Valkey, authority: Authority, ours: dict[str, str]
):
    with fronts(authority.server("elsewhere", ELSEWHERE)) as front:
        for kind in ("redis", "redis+cluster"):
            url = over_tls(f"{kind}://127.0.0.1:{front(own_valkey.port).port}", ours)
            with pytest.raises(Unavailable, match="IP address mismatch"):
                await reach(url, within_s=0.5)


@pytest.fixture
def of_postgres(ours: dict[str, str]) -> dict[str, str]:
    return {
        "sslmode": "verify-full",
        "sslrootcert": ours["ssl_ca_certs"],
        "sslcert": ours["ssl_certfile"],
        "sslkey": ours["ssl_keyfile"],
    }


def at(url: str, front: Front, options: dict[str, str]) -> str:
    """``url``, reached at ``front``."""
    place, _, database = url.rpartition("/")
    return f"{place.rpartition(':')[0]}:{front.port}/{database}?{urlencode(options)}"


async def test_postgres_is_believed_by_its_certificate_and_name_alone(
    postgres_server: Postgres,
    postgres_url: str,
    authority: Authority,
    of_postgres: dict[str, str],
    tmp_path: Path,
):
    other = Authority(tmp_path / "other", "other")
    with (
        fronts(authority.server("server"), clear=False) as front,
        fronts(authority.server("elsewhere", ELSEWHERE), clear=False) as misnamed,
    ):
        ours, wrong = front(postgres_server.port), misnamed(postgres_server.port)
        async with worker(at(postgres_url, ours, of_postgres), None, Echo()) as (inbox, parley):
            await inbox.answer(message("0", message_id="m0"), WAIT_S)
            assert await said_by_bot(parley.log) == ["0"]
        assert ours.secured
        believing_others = {**of_postgres, "sslrootcert": str(other.file)}
        unknown = {"sslmode": "verify-full", "sslrootcert": of_postgres["sslrootcert"]}
        for place, options, why in (
            (ours, believing_others, "certificate verify failed"),
            (wrong, of_postgres, "does not match host name"),
            (ours, unknown, "SSL|closed"),
            (ours, {"sslmode": "disable"}, "closed"),
        ):
            with pytest.raises(Unavailable, match=why):
                await schema.check(at(postgres_url, place, options))
