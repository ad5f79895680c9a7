"""The log on real databases: its schema, and what happens when they are not there."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import IntegrityError

from bot.dialogue.events import SessionStarted, SlotSet
from bot.dialogue.messages import Message, Reply
from bot.errors import Duplicate, ParleyError, SettingsError, StorageFull, Unavailable
from bot.store import database, schema
from bot.store.base import Accepted, Outgoing
from bot.store.database import Database
from bot.store.sql import SqlLog, open_log
from bot.store.tables import metadata
from tests.servers import Postgres
from tests.turns import message


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new folder/100%/parley.db"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """A database with the current schema."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    found: str = request.getfixturevalue(name)
    return found


async def test_a_schema_is_made_once_and_is_then_current(bare_url: str) -> None:
    await asyncio.to_thread(schema.upgrade, bare_url)
    await asyncio.to_thread(schema.upgrade, bare_url)
    await schema.check(bare_url)
    async with open_log(bare_url) as log:
        await log.ping()


async def test_servers_that_start_together_upgrade_once(bare_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(schema.upgrade, bare_url) for _ in range(4)))
    await schema.check(bare_url)


def test_the_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    engine = engine_of(url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


def test_an_empty_sqlite_file_gets_what_all_migrations_together_make(tmp_path: Path) -> None:
    made, migrated = (f"sqlite:///{tmp_path}/{name}.db" for name in ("made", "migrated"))
    schema.upgrade(made)
    engine = engine_of(migrated)
    with engine.begin() as db:
        schema.migrate(db)
    engine.dispose()
    assert content_of(made) == content_of(migrated)


def content_of(url: str) -> tuple[set[tuple[str, str]], set[tuple[str]]]:
    """What SQLite remembers of its tables and indexes, and the schema's version."""
    with sqlite3.connect(url.removeprefix("sqlite:///")) as db:
        rows = db.execute("SELECT name, sql FROM sqlite_master").fetchall()
        versions = set(db.execute("SELECT version_num FROM alembic_version"))
    db.close()
    return {(name, " ".join((sql or "").split())) for name, sql in rows}, versions


def test_the_newest_file_is_the_end_of_the_one_line_of_migrations() -> None:
    assert ScriptDirectory(str(schema.MIGRATIONS)).get_heads() == [schema.head()]


async def test_a_database_without_tables_is_said_so_with_what_to_do(
    empty_postgres_url: str,
) -> None:
    with pytest.raises(SettingsError, match=r"no tables yet. Run: parley db upgrade"):
        await schema.check(empty_postgres_url)
    async with open_log(empty_postgres_url) as log:
        with pytest.raises(Unavailable, match="parley db upgrade"):
            await log.ping()


async def test_a_schema_of_a_newer_parley_is_refused(url: str) -> None:
    change(url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match=r"schema 9999.*a newer one wrote it"):
        await schema.check(url)
    with pytest.raises(SettingsError, match="9999"):
        await asyncio.to_thread(schema.upgrade, url)


async def test_an_older_schema_is_refused_with_what_to_do(url: str) -> None:
    change(url, "UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(SettingsError, match=r"schema 0001; .* needs \d+. Run: parley db upgrade"):
        await schema.check(url)


async def test_words_that_were_stored_as_they_are_are_read_after_the_upgrade(url: str) -> None:
    odd = '~it\'s "late"\n: ✓'
    async with open_log(url) as log:
        await log.ask_for_person("ann", reason="replaced")
        [_] = await reply_to_send(log)
        engine = engine_of(url)
        with engine.begin() as db:
            for command in ("UPDATE handoff SET reason = :odd", "UPDATE outbox SET error = :odd"):
                db.execute(text(command), {"odd": odd})
            db.execute(text("ALTER TABLE conversation DROP COLUMN erased_epoch"))
            db.execute(text("UPDATE alembic_version SET version_num = '0010'"))
        engine.dispose()
        await asyncio.to_thread(schema.upgrade, url)
        [asked], [letter] = await log.handoffs(), await log.letters(states=["waiting"])
        assert (asked.reason, letter.error) == (odd, odd)
        change(url, "UPDATE handoff SET reason = 'by a server of before'")
        [asked] = await log.handoffs()
        assert asked.reason == "by a server of before"


async def reply_to_send(log: SqlLog) -> list[Outgoing]:
    """What waits in the outbox, once one was put there."""
    await log.commit("ann", [], seq=0, epoch=0, replies=[Reply("ann", "hello")])
    return list(await log.outgoing("ann"))


@pytest.mark.parametrize("bad", ["mysql://host/db", "nonsense", "sqlite://", "sqlite:///:memory:"])
async def test_a_url_of_another_kind_is_refused(bad: str) -> None:
    with pytest.raises(SettingsError):
        await schema.check(bad)


async def test_errors_show_no_password() -> None:
    url = "postgresql://parley:secret@127.0.0.1:1/parley"
    with pytest.raises(Unavailable) as caught:
        await schema.check(url)
    assert "secret" not in str(caught.value)
    assert "parley:***@127.0.0.1:1" in str(caught.value)


async def test_the_same_id_twenty_times_at_once_from_two_processes_is_one_row(url: str) -> None:
    async with open_log(url) as one, open_log(url) as two:
        rows = await asyncio.gather(
            *(log.accept(message("hello", message_id="m1")) for log in (one, two) * 10)
        )
    assert len({row.inbox_id for row in rows}) == 1


async def test_of_bodies_that_race_with_one_id_one_is_accepted(url: str) -> None:
    async def accept(n: int) -> Accepted | Duplicate:
        try:
            return await log.accept(message(str(n), message_id="m1"))
        except Duplicate as duplicate:
            return duplicate

    async with open_log(url) as log:
        outcomes = await asyncio.gather(*(accept(n) for n in range(10)))
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 1


async def test_a_person_may_be_asked_for_while_another_hands_back(url: str) -> None:
    async with open_log(url) as log:
        for _ in range(60):
            asked, _ = await asyncio.gather(
                log.ask_for_person("ann"),
                log.hand_back("ann", [], seq=0, epoch=0),
            )
            assert asked.conversation_id == "ann"


async def test_the_history_of_a_session_does_not_read_the_sessions_before(url: str) -> None:
    async with open_log(url) as log:
        await log.commit("ann", [SlotSet(name="n")], seq=0, epoch=0)
        await log.commit("ann", [SlotSet(name="n"), SessionStarted()], seq=1, epoch=0)
        change(url, "UPDATE event SET event = 'not an event' WHERE seq = 1")
        assert (await log.history("ann")).events == (SessionStarted(),)
        with pytest.raises(ParleyError, match=r"Event 1 of conversation 'ann' cannot be read"):
            await log.history("ann", all_sessions=True)


async def test_sqlite_writes_ahead_and_survives_a_reader_and_a_writer_at_once(
    sqlite_url: str,
) -> None:
    async with open_log(sqlite_url) as one, open_log(sqlite_url) as two:
        await asyncio.gather(
            *(log.accept(message(str(n))) for log in (one, two) for n in range(20)),
            *(log.history("ann") for log in (one, two) for _ in range(20)),
        )
        waiting = await one.waiting("ann")
    assert waiting
    with sqlite3.connect(file_of(sqlite_url)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (40,)
    connection.close()


async def test_a_sqlite_file_that_another_keeps_locked_is_unavailable_and_recovers(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "STATEMENT_S", 0.05)
    other = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    async with open_log(sqlite_url) as log:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            await log.accept(message("hello"))
        assert await log.waiting("ann") is None, "readers are not kept out"
        other.execute("ROLLBACK")
        await log.accept(message("hello"))
    other.close()


async def test_a_writer_that_gave_up_leaves_nothing_and_keeps_nobody_out(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    async with open_log(sqlite_url) as log:
        other.execute("BEGIN IMMEDIATE")
        with monkeypatch.context() as impatient:
            impatient.setattr(database, "TRANSACTION_S", 0.05)
            for _ in range(2):  # one that waits for the file, one that waits for the thread
                with pytest.raises(Unavailable, match="did not answer in time"):
                    await log.accept(message("given up"))
        other.execute("ROLLBACK")
        assert (await log.accept(message("kept"))).position == 0
        waiting = await log.waiting("ann")
        assert waiting
        assert waiting.message.text == "kept"
    other.close()


async def test_closing_waits_for_no_transaction_that_was_given_up_behind_a_lock(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "STATEMENT_S", 0.2)
    other = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    async with open_log(sqlite_url) as log:
        other.execute("BEGIN IMMEDIATE")
        accepting = [
            asyncio.create_task(log.accept(message("hello", conversation_id=f"user {n}")))
            for n in range(60)
        ]
        for _ in range(2):  # until the writer has taken them
            await asyncio.sleep(0)
        for task in accepting:
            task.cancel()
        await asyncio.gather(*accepting, return_exceptions=True)
        began = time.monotonic()
    assert time.monotonic() - began < 5.0, "it took the patience of each, not of one"
    other.close()


async def test_a_full_disk_refuses_what_does_not_fit_and_nothing_that_came_with_it(
    sqlite_url: str,
) -> None:
    def fill_up(db: Connection) -> None:
        pages = db.scalar(text("PRAGMA page_count"))
        db.execute(text(f"PRAGMA max_page_count = {pages + 60}"))

    whole = Database(sqlite_url)
    log = SqlLog(whole)
    await whole.write(fill_up)  # for the connection that writes
    words = ["x" * 400_000 if n == 5 else "hello" for n in range(20)]
    said = [message(word, conversation_id=f"user {n}") for n, word in enumerate(words)]
    found = await asyncio.gather(*map(log.accept, said), return_exceptions=True)
    await whole.close()
    kinds = [type(one) for one in found]
    assert kinds == [StorageFull if n == 5 else Accepted for n in range(20)]


async def test_a_transaction_that_sqlite_cannot_commit_is_undone(tmp_path: Path) -> None:
    def tables(db: Connection) -> None:
        db.execute(text("CREATE TABLE a (id INTEGER PRIMARY KEY)"))
        db.execute(text("CREATE TABLE b (a INT REFERENCES a DEFERRABLE INITIALLY DEFERRED)"))

    def orphan(db: Connection) -> None:
        db.execute(text("INSERT INTO b VALUES (1)"))

    opened = database.Database(f"sqlite:///{tmp_path}/parley.db")
    await opened.write(tables)
    await opened.read(lambda db: db.execute(text("PRAGMA foreign_keys = ON")))
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        await opened.write(orphan)
    assert await opened.read(lambda db: db.scalar(text("SELECT count(*) FROM b"))) == 0
    await opened.write(lambda db: db.execute(text("INSERT INTO a VALUES (1)")))
    await opened.close()


async def test_a_damaged_sqlite_file_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "parley.db"
    path.write_bytes(b"this is no database" * 1000)
    async with open_log(f"sqlite:///{path}") as log:
        with pytest.raises(Unavailable, match="not a database"):
            await log.accept(message("hello"))


async def test_a_postgres_that_goes_away_is_unavailable_and_comes_back(
    own_postgres: Postgres,
) -> None:
    url = own_postgres.url("postgres")
    await asyncio.to_thread(schema.upgrade, url)
    async with open_log(url) as log:
        accepted = await log.accept(message("hello"))
        await asyncio.to_thread(own_postgres.stop)
        for attempt in (
            log.accept(message("again")),
            log.history("ann"),
            log.commit("ann", [SlotSet(name="n")], seq=0, epoch=0, inbox_id=accepted.inbox_id),
            log.ping(),
        ):
            with pytest.raises(Unavailable):
                await attempt
        await asyncio.to_thread(own_postgres.start)
        assert (await log.history("ann")).seq == 0
        waiting = await log.waiting("ann")
        assert waiting
        assert waiting.message.text == "hello"
        await log.commit("ann", [], seq=0, epoch=0, inbox_id=accepted.inbox_id)


async def test_a_transaction_that_breaks_half_way_leaves_nothing(url: str) -> None:
    async with open_log(url) as log:
        accepted = await log.accept(message("hello"))
        change(url, "DROP TABLE outbox")
        with pytest.raises(Exception, match="outbox"):
            await log.commit(
                "ann",
                [SlotSet(name="n")],
                seq=0,
                epoch=0,
                inbox_id=accepted.inbox_id,
                replies=[Reply("ann", "hello")],
            )
        assert (await log.history("ann")).seq == 0
        assert await log.waiting("ann")


def change(url: str, statement: str) -> None:
    """Do to the database what Parley would not."""
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def engine_of(url: str) -> Engine:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def file_of(sqlite_url: str) -> str:
    return sqlite_url.removeprefix("sqlite:///")


async def test_a_message_cleared_away_while_it_is_repeated_is_new_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_log(url) as log:
        first = await log.accept(message("hello", message_id="m1"))
        await log.commit("ann", [], seq=0, epoch=0, inbox_id=first.inbox_id)
        repeated = log._repeated

        async def too_late(repeat: Message) -> Accepted:
            await log.clear(older_than_s=-60)
            return await repeated(repeat)

        monkeypatch.setattr(log, "_repeated", too_late)
        again = await log.accept(message("hello", message_id="m1"))
    assert (again.done, again.position) == (False, first.position + 1)
