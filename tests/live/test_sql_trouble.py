"""SQL that fails over, has no room or no connection left, and clocks that jump."""

from __future__ import annotations

import asyncio
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.dialogue.messages import Reply
from bot.errors import StorageFull, Unavailable
from bot.store import schema
from bot.store.database import Database
from bot.store.memory import MemoryLog
from bot.store.sql import open_log
from bot.testing.services import NOON, HandClock
from tests.command import WEBHOOK, running, write
from tests.live.test_workers import WAIT_S, worker
from tests.servers import Postgres
from tests.turns import Echo, eventually, message, said_by_bot, said_by_users

pytestmark = pytest.mark.services
HOUR_S = 3600.0


async def test_turns_go_on_at_the_standby_and_nothing_that_was_accepted_is_lost(
    own_postgres: Postgres, own_standby: Postgres, redis_url: str
):
    await asyncio.to_thread(schema.upgrade, own_postgres.url("postgres"))
    hosts = f"host=127.0.0.1:{own_postgres.port}&host=127.0.0.1:{own_standby.port}"
    url = f"postgresql://parley@/postgres?{hosts}&target_session_attrs=read-write"
    async with worker(url, redis_url, Echo()) as (inbox, parley):
        for n in range(3):
            await inbox.answer(message(str(n), message_id=f"m{n}"), WAIT_S)
        await asyncio.to_thread(own_postgres.stop)
        with pytest.raises(Unavailable):
            await inbox.answer(message("3", message_id="m3"), WAIT_S)
        await asyncio.to_thread(own_standby.promote)
        await eventually(lambda: answers(parley.log))
        for n in (2, 3, 4):
            answer = await inbox.answer(message(str(n), message_id=f"m{n}"), WAIT_S)
            assert answer == (Reply("ann", str(n)),)
        texts = [str(n) for n in range(5)]
        assert await said_by_users(parley.log) == await said_by_bot(parley.log) == texts


async def answers(log) -> bool:
    try:
        await log.ping()
    except Unavailable:
        return False
    return True


async def test_connections_to_a_server_that_only_reads_now_are_given_up(postgres_url: str):
    def demote(db: Connection) -> None:
        db.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))

    database = Database(postgres_url, connections=2)
    await database.write(demote)
    with pytest.raises(Unavailable, match="read-only"):
        await database.write(lambda db: db.execute(text("CREATE TABLE a (b INT)")))
    await database.write(lambda db: db.execute(text("CREATE TABLE a (b INT)")))
    await database.close()


@pytest.mark.parametrize(
    ("state", "kind"), [("53100", StorageFull), ("53300", Unavailable), ("57P03", Unavailable)]
)
async def test_what_postgres_cannot_do_now_is_unavailable(postgres_url: str, state, kind):
    database = Database(postgres_url)
    refuse = f"DO $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(Unavailable) as raised:
        await database.write(lambda db: db.execute(text(refuse)))
    assert type(raised.value) is kind
    await database.close()


async def test_a_process_has_no_more_connections_than_it_may(postgres_url: str):
    database = Database(postgres_url, connections=3)
    most = (
        "SELECT count(*), pg_sleep(0.05) FROM pg_stat_activity WHERE datname = current_database()"
    )
    counts = await asyncio.gather(
        *(database.read(lambda db: db.execute(text(most)).one()[0]) for _ in range(20))
    )
    assert max(counts) == 3
    await database.close()


def test_a_disk_that_is_full_is_said_and_there_is_room_again(tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(home)]
    if os.geteuid() or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("this kernel lets us mount no small disk")
    try:
        fill_and_clear(write(tmp_path / "project"), home)
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)


def fill_and_clear(project: Path, home: Path) -> None:
    quiet = {"PARLEY_LOG_LEVEL": "ERROR", "PARLEY_RESPONSE_TIMEOUT_S": "1"}
    with running(project, home, quiet) as run:
        assert run.say("hello") == ["Hello None."]
        ballast = home / "ballast"
        fill(ballast)
        told = {}
        for n in range(20):
            said = {"sender": f"user {n}", "message": "x" * 10_000, "message_id": str(n)}
            answer = run.client.post(WEBHOOK, json=said)
            told[n] = (answer.status_code, answer.headers.get("retry-after"))
        assert (503, "30") in told.values()
        # The last one that had room was accepted, and its turn had none: it is answered later.
        assert set(told.values()) <= {(503, "30"), (504, None), (200, None)}
        ballast.unlink()
        assert run.say("hello", "later") == ["Hello None."]
        for n, (status, _) in told.items():
            if status == 504:
                run.say("x" * 10_000, f"user {n}", message_id=str(n))
                assert [e["event"] for e in run.events(f"user {n}")].count("user") == 1
        assert [event["event"] for event in run.events()].count("user") == 1


def fill(path: Path) -> None:
    """Let ``path`` take all the room there is."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql"])
async def test_what_was_accepted_before_the_clock_was_set_back_is_not_forgotten(
    kind: str, request: pytest.FixtureRequest
):
    clock = HandClock(NOON)
    if kind == "memory":
        await set_back(MemoryLog(clock=clock), clock)
    else:
        url = request.getfixturevalue("sqlite_url" if kind == "sqlite" else "postgres_url")
        async with open_log(url, clock=clock) as log:
            await set_back(log, clock)


async def set_back(log, clock: HandClock) -> None:
    await log.accept(message("hello", conversation_id="ann"))
    await log.commit("bob", [], seq=0, epoch=0, replies=[Reply("bob", "x")], channel="telegram")
    assert list(await log.unfinished(older_than_s=5)) == []
    clock.advance(-HOUR_S)
    assert sorted(await log.unfinished(older_than_s=5)) == ["ann", "bob"]
    clock.advance(2 * HOUR_S)
    assert sorted(await log.unfinished(older_than_s=5)) == ["ann", "bob"]
