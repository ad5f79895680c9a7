"""What users write, encrypted in SQL and in Redis."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from redis.asyncio import Redis
from sqlalchemy import Connection, Text, select, text, update
from typer.testing import CliRunner

from bot.audit import Actor, NoAudit
from bot.commands.privacy import app as privacy
from bot.dialogue.domain import Domain
from bot.dialogue.events import SessionStarted, UserUttered
from bot.dialogue.messages import Message, Reminding, Reply
from bot.errors import Duplicate, SettingsError
from bot.privacy.holders import Places
from bot.privacy.requests import exported
from bot.project.project import Config, Example, NluData, Project
from bot.review.item import Opinion, ReviewItem
from bot.review.turn import Turn
from bot.settings import Settings
from bot.store import schema
from bot.store.base import Cancellation, Reminder
from bot.store.columns import ASIDE, COLUMNS, REPLY, Column
from bot.store.database import Database
from bot.store.redis import open_redis
from bot.store.rekeying import check_keys, count, rekey
from bot.store.retention import Retention
from bot.store.reviews import SqlReviews
from bot.store.sealing import PLAIN, Locked, new_key, seal_from, seal_of
from bot.store.shelf import Harvest, open_shelf, rekey_turns
from bot.store.sql import SqlLog
from bot.store.tables import metadata
from bot.testing.services import NOON, HandClock
from bot.testing.store import tracker
from tests.command import running, write
from tests.servers import Valkey
from tests.turns import message
from training.versions.making import make_dataset
from training.versions.shelf import Shelf

T = TypeVar("T")
READABLE = {  # as docs/security.md says: a new column is one of these, or is encrypted
    *("audit.action", "audit.actor", "audit.facts", "audit.hash", "audit.kind", "audit.outcome"),
    *("audit.role", "audit.subject", "audit_head.hash", "audit_subject.conversation_id"),
    *("audit_subject.subject", "conversation.id", "event.conversation_id", "event.name"),
    *("handoff.agent", "handoff.conversation_id", "inbox.account", "inbox.channel"),
    *("inbox.conversation_id", "inbox.message_id", "outbox.channel", "outbox.conversation_id"),
    *("outbox.state", "person.name", "person.password", "person.role", "person.stamp"),
    *("person.subject", "reminder.conversation_id", "reminder.name", "review.conversation_id"),
    *("review.duplicates", "review.id", "review.intent", "review.key", "review.state"),
    *("review_miner.miner", "review_miner.review_id", "tally.name", "tally.rollout"),
    "unpublished.conversation_id",
}
OLD, NEW = new_key("old"), new_key("new")
SECRET = "my card is 4111"
DECIDED = ReviewItem(
    *("r1", SECRET, "ann"),
    state="decided",
    decision=Opinion("intent", "mia", 1.0, "greet", (), "person", 1.0),
)
EVENTS = [SessionStarted(timestamp=NOON), UserUttered(text=SECRET, timestamp=NOON)]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    found: str = request.getfixturevalue(name)
    return found


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url, seal=seal_from(OLD))
    yield database
    await database.close()


async def fill(database: Database) -> int:
    """Something in every table that holds what people write; the inbox row."""
    log = SqlLog(database, clock=HandClock(), publishing=True)
    accepted = await log.accept(message(SECRET, message_id="m1"))
    later = Message("ann", SECRET, reminder=Reminding("later"))
    await log.commit(
        "ann",
        EVENTS,
        seq=0,
        epoch=0,
        inbox_id=accepted.inbox_id,
        replies=[Reply("ann", SECRET), Reply("ann", SECRET)],
        channel="telegram",
        reminders=[Reminder(NOON + 5, later)],
    )
    [first, *_] = await log.letters(states=["waiting"])
    await log.postpone(first.outgoing.outbox_id, due_at=NOON, part=0, tries=1, error=SECRET)
    await log.ask_for_person("ann", reason=SECRET)
    await SqlReviews(database).propose([DECIDED])
    return accepted.inbox_id


async def everything(database: Database) -> str:
    """All that is in the database, as text."""

    def read(db: Any) -> str:
        return "\n".join(
            str(tuple(row)) for t in metadata.sorted_tables for row in db.execute(select(t))
        )

    return await database.read(read)


async def test_no_text_of_a_user_lies_in_the_database_and_all_of_it_is_read(
    database: Database,
) -> None:
    inbox_id = await fill(database)
    assert SECRET not in await everything(database)
    log = SqlLog(database, clock=HandClock(NOON + 9))
    assert (await log.history("ann")).events == tuple(EVENTS)
    assert [r.text for r in (await log.accepted(inbox_id)).replies] == [SECRET, SECRET]
    assert [r.reply.text for r in await log.outgoing("ann")] == [SECRET, SECRET]
    assert [r.outgoing.reply.text for r in await log.letters(states=["waiting"])][:1] == [SECRET]
    [aside] = await log.unpublished(limit=9)
    assert SECRET in aside.events
    assert await log.ring() == ["ann"]
    waiting = await log.waiting("ann")
    assert waiting is not None
    assert waiting.message.text == SECRET
    assert [letter.error for letter in await log.letters(states=["waiting"])] == [SECRET, ""]
    asked = await log.handoff("ann")
    assert asked is not None
    assert asked.reason == SECRET
    await log.take_over("ann", [], seq=2, epoch=0, agent="mia")
    assert [one.reason for one in await log.handoffs()] == [SECRET]
    assert (await SqlReviews(database).item("r1")).text == SECRET
    assert SECRET not in await everything(database)


def test_every_column_that_holds_texts_is_encrypted_or_known_to_hold_none() -> None:
    texts = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Text)
    }
    sealed = {f"{column.table.name}.{column.name}" for column in COLUMNS}
    assert sealed | READABLE == texts
    assert not sealed & READABLE


async def test_a_repeated_message_is_recognised_and_a_reused_id_refused(database: Database) -> None:
    await fill(database)
    log = SqlLog(database)
    assert (await log.accept(message(SECRET, message_id="m1"))).done
    with pytest.raises(Duplicate):
        await log.accept(message("something else", message_id="m1"))


async def test_a_reminder_is_cancelled_by_what_it_says(database: Database) -> None:
    await fill(database)
    log = SqlLog(database)
    await log.commit("ann", [], seq=2, epoch=0, reminders=[Cancellation(name="later")])
    assert await log.next_reminder() is None


async def test_rows_cannot_change_places(database: Database) -> None:
    await fill(database)

    def swap(db: Any) -> None:
        first = db.scalar(text("SELECT event FROM event WHERE seq = 1"))
        db.execute(text("UPDATE event SET event = :e WHERE seq = 2"), {"e": first})

    await database.write(swap)
    with pytest.raises(Locked, match="event 'ann' 2 cannot be decrypted"):
        await SqlLog(database).history("ann")


async def test_replies_to_one_message_cannot_change_places(database: Database) -> None:
    log = SqlLog(database, clock=HandClock())
    inbox_id = (await log.accept(message(SECRET))).inbox_id
    replies = [Reply("ann", "Your new code is:"), Reply("ann", "1234")]
    await log.commit("ann", [], seq=0, epoch=0, inbox_id=inbox_id, replies=replies)
    await database.write(lambda db: swap(db, REPLY))
    for read in (log.accepted(inbox_id), log.outgoing("ann"), log.letters(states=["waiting"])):
        with pytest.raises(Locked, match="cannot be decrypted: it was changed, moved"):
            await read


async def test_what_waits_for_the_event_broker_cannot_change_places(database: Database) -> None:
    log = SqlLog(database, publishing=True)
    for seq in (0, 1):
        await log.commit("ann", [SessionStarted(timestamp=NOON + seq)], seq=seq, epoch=0)
    await database.write(lambda db: swap(db, ASIDE))
    with pytest.raises(Locked, match="cannot be decrypted"):
        await log.unpublished(limit=9)


def swap(db: Connection, column: Column) -> None:
    """The texts of the two rows there are change places."""
    value, id_ = column.table.c[column.name], column.table.c.id
    [(first, one), (second, other)] = db.execute(select(id_, value).order_by(id_)).all()
    for number, body in ((first, other), (second, one)):
        db.execute(update(column.table).where(id_ == number).values({column.name: body}))


async def test_what_was_stored_before_ids_were_bound_is_read_and_bound_anew(
    database: Database, url: str
) -> None:
    inbox_id = await fill(database)

    def as_before(db: Connection) -> None:
        for column in (REPLY, ASIDE):
            for row in db.execute(select(column.table)).mappings():
                text_ = column.opened(seal_of(db), row)
                earlier = (row[name] for name in column.before)
                body = seal_of(db).close(text_, column.kind, *earlier)
                this = update(column.table).where(column.table.c.id == row["id"])
                db.execute(this.values({column.name: body}))

    await database.write(as_before)
    log = SqlLog(database, clock=HandClock())
    await check_keys(database)
    assert [r.text for r in (await log.accepted(inbox_id)).replies] == [SECRET, SECRET]
    assert len(await log.unpublished(limit=9)) == 1
    assert await rekey(database) == 3, "two replies and what waits for the broker"
    assert await rekey(database) == 0
    await database.write(lambda db: swap(db, REPLY))
    with pytest.raises(Locked):
        await log.outgoing("ann")


async def test_without_the_key_nothing_is_read_or_lost_and_a_server_does_not_start(
    database: Database, url: str
) -> None:
    await fill(database)
    for keys, named in (("", "PARLEY_ENCRYPTION_KEYS does not name"), (NEW, "does not name")):
        other = Database(url, seal=seal_from(keys))
        with pytest.raises(Locked, match=named):
            await SqlLog(other).history("ann")
        with pytest.raises(SettingsError, match="encrypted with key 'old'"):
            await check_keys(other)
        await other.close()
    await check_keys(database)
    assert (await SqlLog(database).history("ann")).events == tuple(EVENTS)


async def test_keys_are_changed_while_servers_run(database: Database, url: str) -> None:
    await fill(database)
    both = Database(url, seal=seal_from(f"{NEW},{OLD}"))
    looked = list[int]()
    assert await rekey(both, told=looked.append) == 11
    assert await count(both) == sum(looked)
    assert await rekey(both) == 0, "what was changed is left alone"
    assert "~old:" not in await everything(both)
    await both.close()
    only = Database(url, seal=seal_from(NEW))
    assert (await SqlLog(only).history("ann")).events == tuple(EVENTS)
    assert await rekey(only, decrypt=True) == 11
    assert not re.search(r"~(old|new):", await everything(only))
    await only.close()
    plain = Database(url, seal=seal_from(""))
    assert (await SqlLog(plain).history("ann")).events == tuple(EVENTS)
    await plain.close()


async def test_pages_of_any_size_are_gone_through(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.rekeying.PAGE", 2)
    log = SqlLog(database)
    for name in ("a", "b", "c"):
        await log.commit(name, EVENTS, seq=0, epoch=0)
    both = Database(url, seal=seal_from(f"{NEW},{OLD}"))
    assert await rekey(both) == 6
    await both.close()


async def test_what_is_held_of_a_user_is_exported_readable(database: Database) -> None:
    await fill(database)
    found = await exported("ann", Places(Settings(), database), NoAudit(), Actor("terminal"))
    assert str(found).count(SECRET) == 9


async def test_retention_knows_the_channel_of_encrypted_conversations(database: Database) -> None:
    clock = HandClock()
    said = UserUttered(text=SECRET, input_channel="web", timestamp=NOON)
    await SqlLog(database, clock=clock).commit("w", [said], seq=0, epoch=0)
    clock.advance(2 * 24 * 3600)
    gone = await Retention(database, {"web": 24 * 3600}, clock=clock).step()
    assert gone.conversations == 1


async def test_live_trackers_are_encrypted_in_redis_too(own_valkey: Valkey) -> None:
    async with open_redis(own_valkey.url, seal=seal_from(OLD)) as stores:
        await stores.trackers.keep(tracker("ann", 3), epoch=0)
        await stores.trackers.keep(tracker("ann", 5), epoch=0)
        async with Redis.from_url(own_valkey.url) as client:
            [events] = await client.keys("*events")
            rows = await client.lrange(events, 0, -1)
            assert all(row.startswith(b"~old:") for row in rows)
            [kept] = await client.keys("*tracker")
            assert (await client.hget(kept, "origin")).startswith(b"~old:")
    async with open_redis(own_valkey.url, seal=seal_from(f"{NEW},{OLD}")) as stores:
        found = await stores.trackers.load("ann")
        assert found is not None
        assert found[0].events == tracker("ann", 5).events
        assert len(await stores.trackers.kept_events("ann")) == len(found[0].events)
    async with open_redis(own_valkey.url, seal=seal_from(NEW)) as stores:
        assert await stores.trackers.load("ann") is None, "it is replayed from SQL"


@pytest.mark.services
async def test_of_a_server_with_keys_no_byte_of_what_users_write_is_left_anywhere(
    tmp_path: Path,
) -> None:
    project, home = write(tmp_path / "project"), tmp_path / "home"
    keys = {"PARLEY_ENCRYPTION_KEYS": NEW, "PARLEY_LOG_LEVEL": "INFO"}
    with running(project, home, keys) as server:
        first = server.say("a canary sings", message_id="m1")
        assert server.say("a canary sings", message_id="m1") == first
        asked = {"reason": "her canary is ill"}
        assert server.client.post("/conversations/ann/handoff", json=asked).json()["reason"]
        assert server.end() == 0
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(b"~new:" in path.read_bytes() for path in files)
    assert [path.name for path in files if b"canary" in path.read_bytes()] == []
    database = Database(f"sqlite:///{home / 'parley.db'}", seal=seal_from(NEW))
    assert "a canary sings" in str(await SqlLog(database).history("ann"))
    await database.close()


def test_the_command_encrypts_what_is_in_every_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, home = write(tmp_path / "project"), tmp_path / "home"
    monkeypatch.setenv("PARLEY_HOME", str(home))
    monkeypatch.setenv("PARLEY_MODELS", str(home / "models"))
    url = f"sqlite:///{home / 'parley.db'}"
    schema.upgrade(url)
    asyncio.run(in_database(url, fill))
    with open_shelf(home / "turns.db") as shelf:
        shelf.add(Harvest("log", [Turn("ann", 1, SECRET)]))
    known = NluData((Example("hello", "greet"),))
    shop = Project(".", Domain(), known, (), Config())
    dataset = make_dataset(shop, [DECIDED], now=datetime.now(UTC))
    version = Shelf(home / "models" / "datasets").keep(dataset)

    def stored() -> str:
        turns = sqlite3.connect(home / "turns.db")
        with closing(turns):
            read = str(turns.execute("SELECT turn FROM turn").fetchall())
        return asyncio.run(in_database(url, everything)) + read + version.read_text("latin-1")

    def rekey(*words: str) -> str:
        done = CliRunner().invoke(privacy, ["rekey", "--project", str(project), *words])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout.splitlines()[-1]

    assert stored().count(SECRET) == 11
    monkeypatch.setenv("PARLEY_ENCRYPTION_KEYS", NEW)
    assert rekey() == "13 texts changed, key new"
    assert SECRET not in stored()
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []
    assert rekey("--decrypt") == "13 texts changed, key none"
    assert stored().count(SECRET) == 11


async def in_database(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    database = Database(url, seal=PLAIN)
    try:
        return await work(database)
    finally:
        await database.close()


def test_turns_that_were_read_to_learn_from_change_their_key_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "turns.db"
    monkeypatch.setattr("bot.store.shelf.PAGE", 2)
    turns = [Turn("ann", number, SECRET) for number in range(5)]

    def stored() -> str:
        with closing(sqlite3.connect(file)) as db:
            return str(db.execute("SELECT turn FROM turn").fetchall())

    def rekeyed(keys: str, *, decrypt: bool = False) -> int:
        monkeypatch.setenv("PARLEY_ENCRYPTION_KEYS", keys)
        return rekey_turns(file, decrypt=decrypt)

    assert rekeyed(OLD) == 0, "there is no such file"
    with open_shelf(file) as shelf:
        shelf.add(Harvest("log", turns))
    assert stored().count("~old:") == 5
    assert (rekeyed(f"{NEW},{OLD}"), rekeyed(NEW)) == (5, 0)
    assert stored().count("~new:") == 5
    with open_shelf(file) as shelf:
        assert shelf.conversation("log", "ann") == turns
    assert rekeyed(NEW, decrypt=True) == 5
    assert stored().count(SECRET) == 5
