"""All that is held of a user, taken away while he writes; and conversations kept too long."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.audit import Actor, Deed
from bot.dialogue.events import (
    ActionExecuted,
    BotUttered,
    ConversationPaused,
    Event,
    SessionStarted,
    UserUttered,
)
from bot.dialogue.messages import Message, Reminding, Reply
from bot.errors import Conflict, NotFound
from bot.privacy.holders import Places
from bot.privacy.requests import conversations_of, counted, erased, exported
from bot.privacy.retention import walk
from bot.review.item import ReviewItem
from bot.review.turn import Turn
from bot.settings import Settings
from bot.store.audits import SqlAudit, Wanted
from bot.store.base import Reminder
from bot.store.database import Database
from bot.store.personal import HELD, TOMBSTONE_S
from bot.store.redis import RedisStores, open_redis
from bot.store.retention import Retention
from bot.store.reviews import SqlReviews
from bot.store.shelf import Harvest, open_shelf, shelf_file
from bot.store.sql import SqlLog
from bot.store.tables import conversation, metadata
from bot.testing.services import NOON, HandClock
from bot.testing.store import tracker
from tests.servers import free_port
from tests.turns import message

ANN, DAY_S = Actor("person", "ann", "admin"), 24 * 3600.0
SECRET = "my card is 4111"


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    database = Database(request.getfixturevalue(name))
    yield database
    await database.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def stores(redis_url: str) -> AsyncIterator[RedisStores]:
    async with open_redis(redis_url) as stores:
        yield stores


@pytest.fixture
def places(database: Database, stores: RedisStores, clock: HandClock, tmp_path: Path) -> Places:
    return Places(Settings(home=tmp_path), database, stores.trackers, clock)


@pytest.fixture
def audit(database: Database, clock: HandClock) -> SqlAudit:
    return SqlAudit(database, clock=clock)


@pytest.fixture
def log(database: Database, clock: HandClock) -> SqlLog:
    return SqlLog(database, clock=clock, publishing=True)


def session(now: float, text: str, channel: str = "web") -> list[Event]:
    return [
        ActionExecuted(name="action_session_start", timestamp=now),
        SessionStarted(timestamp=now),
        UserUttered(text=text, input_channel=channel, timestamp=now),
        BotUttered(text=f"you said {text}", timestamp=now),
    ]


async def fill(user: str, log: SqlLog, database: Database, text: str = SECRET) -> None:
    """Something of ``user`` in every table."""
    first = await log.accept(message(text, conversation_id=user, message_id="m1"))
    later = Message(user, text, reminder=Reminding("r1"))
    seq = await log.commit(
        user,
        session(log._clock(), text),
        seq=0,
        epoch=(await log.stands(user))[1],
        inbox_id=first.inbox_id,
        replies=[Reply(user, text)],
        channel="rest",
        reminders=[Reminder(NOON * 2, later)],
    )
    await log.ask_for_person(user, reason=text)
    item = ReviewItem(f"item-{seq}{len(user)}", text, conversation_id=user, seq=seq)
    await SqlReviews(database).propose([item])


def learn(user: str, places: Places) -> None:
    """Have read what the user wrote, to learn from it."""
    with open_shelf(shelf_file(places.settings)) as shelf:
        shelf.add(Harvest("log", [Turn(user, 1, SECRET)]))


async def everything(database: Database) -> str:
    """All that is in the database, as text."""

    def read(db: Any) -> str:
        tables = metadata.sorted_tables
        return "".join(str(tuple(row)) for table in tables for row in db.execute(select(table)))

    return await database.read(read)


def test_every_table_that_names_a_conversation_is_exported_and_erased():
    named = {t.name for t in metadata.sorted_tables if "conversation_id" in t.c}
    assert named == {t.name for t in HELD.values()} | {"review", "audit_subject"}


async def test_all_that_is_held_is_exported(
    places: Places, log: SqlLog, audit: SqlAudit, database: Database
) -> None:
    await fill("anna", log, database)
    await fill("bob", log, database, text="none of their business")
    learn("anna", places)
    await places.trackers.keep(tracker("anna", 3), epoch=0)  # type: ignore[union-attr]
    await audit.record(Deed(ANN, "conversations.tracker", conversation_id="anna"))
    found = await exported("anna", places, audit, ANN)
    held = found["conversations"]["anna"]
    counts = {what: len(found) for place in held.values() for what, found in place.items() if found}
    assert counts == {
        **{"turns": 1, "events": 4, "messages": 1, "replies": 1, "reminders": 1, "handoffs": 1},
        **{"unpublished": 1, "deeds": 1, "kept events": 6, "review items": 1},
    }
    assert "none of their business" not in str(found)
    assert SECRET in json.dumps(found)
    [row] = await audit.rows(Wanted(action="privacy.export"), limit=9)
    assert SECRET not in str(row)


async def test_of_whom_nothing_is_held_there_is_nothing_to_export(
    places: Places, audit: SqlAudit
) -> None:
    with pytest.raises(NotFound, match="Nothing is held of 'nobody'"):
        await exported("nobody", places, audit, ANN)


async def test_what_is_erased_is_nowhere_any_more_and_the_audit_log_stays_whole(
    places: Places, log: SqlLog, audit: SqlAudit, database: Database, clock: HandClock
) -> None:
    await fill("anna", log, database)
    await fill("bob", log, database, text="none of their business")
    learn("anna", places)
    await places.trackers.keep(tracker("anna", 3), epoch=0)  # type: ignore[union-attr]
    await audit.record(Deed(ANN, "conversations.tracker", conversation_id="anna"))
    receipt = await erased("anna", places, audit, ANN)
    removed = {name: what for name, what in receipt["removed"].items() if any(what.values())}
    assert removed == {
        "turns": {"turns": 1},
        "log": {
            **{"events": 4, "messages": 1, "replies": 1, "reminders": 1, "handoffs": 1},
            **{"unpublished": 1, "names in the audit log": 1},
        },
        "redis": {"kept events": 6},
        "review": {"review items": 1},
    }
    assert receipt["not_reached"] == {}
    assert SECRET not in str(receipt)
    assert "anna" not in str(receipt)
    left = await everything(database)
    assert SECRET not in left
    assert "none of their business" in left
    verdict = await audit.verify()
    assert (verdict.rows, verdict.broken) == (3, [])
    [_, ended] = await audit.rows(Wanted(action="privacy.erase"), limit=9)
    assert receipt["hash"] in ended["facts"]

    clock.advance(TOMBSTONE_S + 1)
    await walk(Retention(database, {}, clock=clock), audit)
    assert "anna" not in await everything(database), "the id itself goes a day later"


async def test_erasing_again_finds_nothing_and_is_no_error(
    places: Places, log: SqlLog, audit: SqlAudit, database: Database
) -> None:
    await fill("anna", log, database)
    await erased("anna", places, audit, ANN)
    again = await erased("anna", places, audit, ANN)
    assert sum(again["removed"]["log"].values()) == 1, "only the name this asking put there"


async def test_a_dry_run_counts_and_changes_nothing(
    places: Places, log: SqlLog, audit: SqlAudit, database: Database
) -> None:
    await fill("anna", log, database)
    before = await everything(database)
    found = await counted("anna", places)
    assert found["held"]["log"]["events"] == 4
    assert await everything(database) == before


async def test_a_turn_in_flight_writes_nothing_back(
    places: Places, log: SqlLog, audit: SqlAudit, database: Database
) -> None:
    await fill("anna", log, database)
    second = await log.accept(message("and more", conversation_id="anna"))
    seq, epoch = await log.stands("anna")
    await erased("anna", places, audit, ANN)
    with pytest.raises(Conflict):
        await log.commit(
            "anna", session(NOON, SECRET), seq=seq, epoch=epoch, inbox_id=second.inbox_id
        )
    assert SECRET not in await everything(database)


async def test_a_first_message_in_flight_writes_nothing_back(
    places: Places, log: SqlLog, audit: SqlAudit, database: Database
) -> None:
    first = await log.accept(message(SECRET, conversation_id="anna"))
    assert first.stands == (0, 0)
    await erased("anna", places, audit, ANN)
    for inbox_id in (first.inbox_id, None):
        with pytest.raises(Conflict):
            await log.commit("anna", session(NOON, SECRET), seq=0, epoch=0, inbox_id=inbox_id)


async def test_what_was_read_before_the_erasure_is_not_asked_for_or_reviewed_after_it(
    places: Places, log: SqlLog, audit: SqlAudit, database: Database
) -> None:
    """Who reads the log and writes about it later, as a miner or a reviewer's page does."""
    await fill("anna", log, database)
    seq, _ = await log.stands("anna")
    await erased("anna", places, audit, ANN)
    late = [ReviewItem(f"late-{at}", SECRET, conversation_id="anna", seq=at) for at in (1, seq)]
    other = ReviewItem("other", "of nobody here", conversation_id="imported", seq=seq)
    assert await SqlReviews(database).propose([*late, other]) == 1
    with pytest.raises(NotFound, match="no conversation 'anna' any more"):
        await log.ask_for_person("anna", reason=SECRET)
    assert SECRET not in await everything(database)


async def test_what_a_turn_keeps_after_the_erasure_redis_does_not_take(
    places: Places,
    log: SqlLog,
    audit: SqlAudit,
    database: Database,
    stores: RedisStores,
    redis_url: str,
) -> None:
    await fill("anna", log, database)
    seq, epoch = await log.stands("anna")
    await erased("anna", places, audit, ANN)
    async with open_redis(redis_url) as refused:
        await refused.trackers.forget("anna")  # by a worker whose commit came too late
    await stores.trackers.keep(tracker("anna", seq), epoch=epoch)  # a worker that was slow
    async with open_redis(redis_url) as others:
        assert await others.trackers.load("anna") is None
        assert await others.trackers.kept_events("anna") == []


async def test_who_comes_back_begins_anew(
    places: Places,
    log: SqlLog,
    audit: SqlAudit,
    database: Database,
    stores: RedisStores,
    redis_url: str,
) -> None:
    await fill("anna", log, database)
    await erased("anna", places, audit, ANN)
    again = await log.accept(message("hello again", conversation_id="anna", message_id="m1"))
    assert again.stands == (0, 1)
    events = session(NOON, "hello again")
    await log.commit("anna", events, seq=0, epoch=1, inbox_id=again.inbox_id)
    await stores.trackers.keep(tracker("anna", 4), epoch=1)
    assert [e.text for e in (await log.history("anna")).events if isinstance(e, UserUttered)] == [
        "hello again"
    ]
    async with open_redis(redis_url) as others:
        assert await others.trackers.load("anna") is not None


async def test_a_redis_that_is_away_is_named_in_the_receipt(
    database: Database, log: SqlLog, audit: SqlAudit, tmp_path: Path
) -> None:
    await fill("anna", log, database)
    async with open_redis(f"redis://127.0.0.1:{free_port()}") as stores:
        places = Places(Settings(home=tmp_path), database, stores.trackers)
        receipt = await erased("anna", places, audit, ANN)
    assert "ends by itself within a day" in receipt["not_reached"]["redis"]
    assert SECRET not in await everything(database)


async def test_a_user_of_several_channels_is_found_by_the_end_of_the_id(
    places: Places, log: SqlLog
) -> None:
    for id_ in ("42", "telegram:shop:42", "web:142", "telegram:42:7"):
        await log.commit(id_, session(NOON, "hi"), seq=0, epoch=0)
    assert await conversations_of("42", places, all_channels=False) == ["42"]
    assert await conversations_of("42", places, all_channels=True) == ["42", "telegram:shop:42"]

    item = ReviewItem("item-1", "hi", conversation_id="viber:42", seq=1)
    await SqlReviews(places.database).propose([item])
    learn("slack:42", places)
    learn("slack:142", places)
    assert await conversations_of("42", places, all_channels=True) == [
        "42",
        "telegram:shop:42",
        "viber:42",
        "slack:42",
    ], "what was learnt outlives the conversation"


# Retention


async def texts(log: SqlLog, conversation_id: str) -> list[str | None]:
    events = (await log.history(conversation_id, all_sessions=True)).events
    return [event.text for event in events if isinstance(event, UserUttered)]


async def say(log: SqlLog, clock: HandClock, text: str, channel: str, id_: str = "anna") -> None:
    seq, epoch = await log.stands(id_)
    await log.commit(id_, session(clock(), text, channel), seq=seq, epoch=epoch)


async def test_a_conversation_goes_when_nothing_happened_for_longer_than_its_channel_keeps(
    database: Database, log: SqlLog, audit: SqlAudit, clock: HandClock
) -> None:
    retention = Retention(database, {"web": 30 * DAY_S, "default": 90 * DAY_S}, clock=clock)
    await say(log, clock, "on the page", "web", "w")
    await say(log, clock, "by telegram", "telegram", "t")
    clock.advance(29 * DAY_S)
    assert await walk(retention, audit, pause_s=0) == (0, 0)
    clock.advance(2 * DAY_S)
    assert await walk(retention, audit, pause_s=0) == (1, 4)
    assert (await texts(log, "w"), await texts(log, "t")) == ([], ["by telegram"])
    clock.advance(60 * DAY_S)
    await walk(retention, audit, pause_s=0)
    assert await texts(log, "t") == []
    rows = await audit.rows(Wanted(action="privacy.retention"), limit=9)
    assert [row["facts"] for row in rows] == ['{"conversations":1,"events":4}'] * 2


async def test_a_channel_without_a_limit_keeps_everything(
    database: Database, log: SqlLog, audit: SqlAudit, clock: HandClock
) -> None:
    await say(log, clock, "hi", "telegram")
    clock.advance(9999 * DAY_S)
    assert await walk(Retention(database, {"web": DAY_S}, clock=clock), audit) == (0, 0)


async def test_of_a_conversation_in_use_whole_old_sessions_go_and_never_the_latest(
    database: Database, log: SqlLog, audit: SqlAudit, clock: HandClock
) -> None:
    retention = Retention(database, {"default": 30 * DAY_S}, clock=clock)
    for text in ("first", "second", "third"):
        await say(log, clock, text, "web")
        clock.advance(20 * DAY_S)
    before = await log.history("anna")
    assert await walk(retention, audit) == (0, 4)
    assert await texts(log, "anna") == ["second", "third"]
    assert await log.history("anna") == before, "turns are taken from the same events"
    clock.advance(5 * DAY_S)
    await walk(retention, audit)
    assert await texts(log, "anna") == ["second", "third"]
    await say(log, clock, "fourth", "web")
    clock.advance(29 * DAY_S)
    await walk(retention, audit)
    assert await texts(log, "anna") == ["third", "fourth"]


@pytest.mark.parametrize("waits", ["message", "reply", "reminder", "person", "call"])
async def test_a_conversation_in_which_something_waits_is_kept(
    database: Database, log: SqlLog, audit: SqlAudit, clock: HandClock, waits: str
) -> None:
    await say(log, clock, "hi", "web")
    if waits == "message":
        await log.accept(message("still there?", conversation_id="anna"))
    if waits == "reply":
        await log.commit("anna", [], seq=4, epoch=0, replies=[Reply("anna", "yes")], channel="c")
    if waits == "reminder":
        later = Message("anna", "/later", reminder=Reminding("r"))
        await log.commit("anna", [], seq=4, epoch=0, reminders=[Reminder(NOON * 2, later)])
    if waits == "person":
        paused = [ConversationPaused()]
        await log.take_over("anna", paused, seq=4, epoch=0, agent="mia")
    clock.advance(400 * DAY_S)
    if waits == "call":
        await log.ask_for_person("anna")
    assert await walk(Retention(database, {"default": DAY_S}, clock=clock), audit) == (0, 0)


async def test_who_called_for_a_person_when_he_wrote_last_is_not_kept_for_ever(
    database: Database, log: SqlLog, audit: SqlAudit, clock: HandClock
) -> None:
    await say(log, clock, "hi", "web")
    await log.commit("anna", [ConversationPaused()], seq=4, epoch=0)
    retention = Retention(database, {"default": DAY_S}, clock=clock)
    assert await walk(retention, audit) == (0, 0)
    clock.advance(2 * DAY_S)
    assert await walk(retention, audit) == (1, 5)
    assert await log.handoffs() == []


async def test_what_was_read_before_can_be_asked_for_when_retention_ended_it_not_when_erased(
    places: Places, database: Database, log: SqlLog, audit: SqlAudit, clock: HandClock
) -> None:
    reviews = SqlReviews(database)
    items = [
        ReviewItem(f"item-{n}", f"words {n}", conversation_id="anna", seq=n) for n in (-1, 3, 4)
    ]
    await say(log, clock, "hi", "web")
    clock.advance(2 * DAY_S)
    await walk(Retention(database, {"default": DAY_S}, clock=clock), audit)
    assert await reviews.propose(items[:2]) == 2
    await erased("anna", places, audit, ANN)
    assert await reviews.propose(items) == 0


async def test_a_turn_that_began_before_is_refused_when_its_conversation_went(
    database: Database, log: SqlLog, audit: SqlAudit, clock: HandClock
) -> None:
    await say(log, clock, "hi", "web")
    clock.advance(2 * DAY_S)
    await walk(Retention(database, {"default": DAY_S}, clock=clock), audit)
    with pytest.raises(Conflict):
        await log.commit("anna", session(clock(), "late"), seq=4, epoch=0)


async def test_retention_looks_at_every_page(
    database: Database, log: SqlLog, audit: SqlAudit, clock: HandClock, monkeypatch: Any
) -> None:
    monkeypatch.setattr("bot.store.retention.PAGE", 2)
    for number in range(5):
        await say(log, clock, "hi", "web", f"c{number}")
    clock.advance(2 * DAY_S)
    retention = Retention(database, {"default": DAY_S}, clock=clock)
    assert await walk(retention, audit, pause_s=0) == (5, 20)
    assert await database.read(lambda db: len(db.execute(select(conversation)).all())) == 5
