"""Logs in SQL, read behind a cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bot.dialogue.events import (
    ActionExecuted,
    BotUttered,
    ConversationPaused,
    Event,
    SessionStarted,
    UserUttered,
)
from bot.errors import NotFound, SettingsError
from bot.privacy.retention import walk
from bot.review.scrubbing import Rules
from bot.review.turn import Turn
from bot.store import personal
from bot.store.audits import SqlAudit
from bot.store.database import Database, parse_url
from bot.store.retention import Retention
from bot.store.sealing import VARIABLE, Locked, new_key
from bot.store.shelf import Harvest, Shelf, erase_turns, open_shelf, turns_of
from bot.store.sql import open_log
from training.logs.databases import Page, check_log, finish, pages
from training.logs.engine import Read, read_parts

RULES = Rules(("email",), {}, b"secret")
NOW = 10_000.0
DAY_S = 86_400.0


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with open_shelf(tmp_path / "turns.db") as shelf:
        yield shelf


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


async def say(url: str, name: str, *events: Event, at: float = 0.0) -> None:
    async with open_log(url, clock=lambda: at) as log:
        seq, epoch = await log.stands(name)
        await log.commit(name, events, seq=seq, epoch=epoch)


def parts(url: str, shelf: Shelf, *, now: float = NOW) -> Iterator[Page]:
    return pages(url, "parley", shelf, RULES, origin="log", now=now)


def read(url: str, shelf: Shelf, *, now: float = NOW) -> Read:
    total = read_parts(parts(url, shelf, now=now), shelf)
    finish(shelf, origin="log", now=now)
    return total


def texts(shelf: Shelf) -> list[str]:
    return [turn.text for _, turn in shelf.turns()]


def user(text: str) -> UserUttered:
    return UserUttered(text=text)


async def test_only_what_is_new_is_read(url: str, shelf: Shelf):
    await say(url, "ann", user("one a@b.de"), BotUttered(text="Yes?"))
    await say(url, "bob", user("hi"))
    assert read(url, shelf) == Read(3, 2, 0)
    assert read(url, shelf) == Read(0, 0, 0)
    await say(url, "ann", user("two"), at=NOW)
    assert read(url, shelf, now=2 * NOW) == Read(1, 1, 0)
    found = shelf.conversation("log", "ann")
    assert [(turn.seq, turn.before) for turn in found] == [(1, ""), (3, "Yes?")]
    assert "a@b.de" not in repr(found)


async def test_the_last_turn_of_a_conversation_waits_for_what_comes_of_it(url: str, shelf: Shelf):
    await say(url, "ann", user("one"), BotUttered(text="Yes?"), user("two"), at=NOW)
    assert read(url, shelf).turns == 1
    await say(url, "ann", ActionExecuted(name="utter_help"), at=NOW + 5)
    assert read(url, shelf, now=NOW + 10).turns == 0
    assert read(url, shelf, now=3 * NOW).turns == 1
    [_, last] = shelf.conversation("log", "ann")
    assert (last.text, last.before, last.actions) == ("two", "Yes?", ("utter_help",))


async def test_events_that_were_replaced_are_read_anew(url: str, shelf: Shelf):
    await say(url, "ann", user("one"), user("two"))
    read(url, shelf)
    async with open_log(url, clock=lambda: NOW) as log:
        seq, epoch = await log.stands("ann")
        await log.replace("ann", [user("other"), user("things"), user("now")], seq=seq, epoch=epoch)
    read(url, shelf, now=2 * NOW)
    assert texts(shelf) == ["other", "things", "now"]


async def retained(url: str, at: float) -> None:
    """Retention of a day does its work."""
    database = Database(url)
    await walk(Retention(database, {"default": DAY_S}, clock=lambda: at), SqlAudit(database))
    await database.close()


async def erase(url: str, name: str, at: float) -> None:
    """A user is erased, on a machine that this shelf is not on."""
    database = Database(url)
    await database.write(partial(personal.erase, conversation_id=name, now=at))
    await database.close()


async def test_what_retention_ends_stays_and_goes_when_it_is_erased(url: str, shelf: Shelf):
    for name in ("ann", "bob"):
        await say(url, name, user(f"{name} one"), user(f"{name} two"))
    read(url, shelf)
    await retained(url, at=2 * DAY_S)
    for _ in "first", "second":
        assert read(url, shelf, now=2 * DAY_S).turns == 0
        assert texts(shelf) == ["ann one", "ann two", "bob one", "bob two"]
    await erase(url, "ann", at=2 * DAY_S + 1)
    read(url, shelf, now=2 * DAY_S + 2)
    assert texts(shelf) == ["bob one", "bob two"]
    assert list(shelf.cursors("log", ["ann", "bob"])) == ["bob"]


@pytest.mark.parametrize("within", ["a day", "a month"])
async def test_a_conversation_that_begins_anew_is_read_behind_what_retention_ended(
    url: str, shelf: Shelf, within: str
):
    at = 2 * DAY_S if within == "a day" else 30 * DAY_S
    await say(url, "ann", user("one"), user("two"), at=DAY_S / 2)
    read(url, shelf, now=DAY_S)
    await retained(url, at=2 * DAY_S)
    read(url, shelf, now=2 * DAY_S)
    await retained(url, at=at)
    await say(url, "ann", user("back again"), BotUttered(text="Hi"), at=at)
    for _ in "first", "second":
        read(url, shelf, now=at + DAY_S)
        assert texts(shelf) == ["one", "two", "back again"]
    assert [turn.seq for turn in shelf.conversation("log", "ann")] == [-1, 0, 1]
    await say(url, "ann", user("and more"), at=at + 1)
    await retained(url, at=at + 2 * DAY_S)
    read(url, shelf, now=at + 2 * DAY_S)
    await say(url, "ann", user("a third time"), at=at + 2 * DAY_S)
    read(url, shelf, now=at + 3 * DAY_S)
    found = [turn.text for turn in shelf.conversation("log", "ann")]
    assert found == ["one", "two", "back again", "a third time"]
    await erase(url, "ann", at=at + 3 * DAY_S)
    await say(url, "ann", user("after it"), at=at + 3 * DAY_S)
    read(url, shelf, now=at + 4 * DAY_S)
    assert texts(shelf) == ["after it"]


async def test_who_was_erased_or_ended_unseen_and_begins_anew_keeps_nothing(url: str, shelf: Shelf):
    await say(url, "ann", user("one"), user("two"))
    read(url, shelf)
    await retained(url, at=2 * DAY_S)
    await retained(url, at=4 * DAY_S)  # and the row goes
    await say(url, "ann", user("back again"), at=5 * DAY_S)
    read(url, shelf, now=6 * DAY_S)
    assert texts(shelf) == ["back again"]


async def test_an_erasure_of_who_came_back_after_retention_takes_what_was_before_too(
    url: str, shelf: Shelf
):
    await say(url, "ann", user("one"), user("two"))
    read(url, shelf)
    await retained(url, at=2 * DAY_S)
    read(url, shelf, now=2 * DAY_S)
    await retained(url, at=4 * DAY_S)
    await say(url, "ann", user("unread"), at=5 * DAY_S)
    await erase(url, "ann", at=5 * DAY_S)
    read(url, shelf, now=5 * DAY_S)
    assert texts(shelf) == []


async def test_of_who_is_taken_over_the_sessions_stay_that_retention_took(url: str, shelf: Shelf):
    old = [ActionExecuted(name="action_session_start"), SessionStarted(timestamp=0.0)]
    new = [ActionExecuted(name="action_session_start"), SessionStarted(timestamp=DAY_S)]
    await say(url, "ann", *old, user("one"))
    await say(url, "ann", *new, user("two"), at=2.5 * DAY_S)
    read(url, shelf, now=2.6 * DAY_S)
    await retained(url, at=2.7 * DAY_S)
    async with open_log(url, clock=lambda: 2.8 * DAY_S) as log:
        seq, epoch = await log.stands("ann")
        await log.take_over("ann", [ConversationPaused()], seq=seq, epoch=epoch, agent="mia")
        assert len((await log.history("ann", all_sessions=True)).events) < seq
    read(url, shelf, now=4 * DAY_S)
    assert [turn.text for turn in shelf.conversation("log", "ann")] == ["one", "two"]


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [0, 1, 2])
async def test_killed_at_any_moment_and_begun_again_every_turn_is_there_once(
    sqlite_url: str, shelf: Shelf, after: int, monkeypatch
):
    monkeypatch.setattr("training.logs.databases.PAGE", 1)
    for name in ("a", "b", "c"):
        await say(sqlite_url, name, user(f"{name} says"), user("more"))

    def broken() -> Iterator[Page]:
        for number, page in enumerate(parts(sqlite_url, shelf)):
            if number == after:
                raise _Killed
            yield page

    with pytest.raises(_Killed):
        read_parts(broken(), shelf)
    assert len(texts(shelf)) == 2 * after
    read(sqlite_url, shelf)
    assert sorted(texts(shelf)) == sorted(["a says", "b says", "c says", *["more"] * 3])


async def test_a_harvest_that_cannot_be_written_leaves_no_part_of_it(
    sqlite_url: str, shelf: Shelf, monkeypatch
):
    await say(sqlite_url, "ann", user("one"), user("two"))
    [page] = parts(sqlite_url, shelf)
    [harvest] = page.harvests()
    broken: Sequence[object] = [*harvest.turns, object()]
    with pytest.raises(AttributeError):
        shelf.add(type(harvest)("log", broken, cursors=harvest.cursors))  # type: ignore[arg-type]
    assert texts(shelf) == []
    assert shelf.cursors("log", ["ann"]) == {}
    assert shelf.add(harvest) == 2


async def test_an_event_that_cannot_be_read_is_listed_and_passed_over(url: str, shelf: Shelf):
    await say(url, "ann", user("one"), user("two"), user("three"))
    engine = create_engine(parse_url(url))
    with engine.begin() as db:
        db.execute(text("""UPDATE event SET event = '{"event": "secret"}' WHERE seq = 2"""))
    engine.dispose()
    assert read(url, shelf) == Read(3, 2, 1)
    [row] = shelf.bad()
    assert (row.origin, row.conversation_id, row.line) == ("log", "ann", 2)
    assert "secret" not in row.why


async def test_what_is_encrypted_in_the_log_is_encrypted_on_the_shelf(
    sqlite_url: str, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv(VARIABLE, new_key("k1"))
    await say(sqlite_url, "ann", user("unmistakable words"))
    with open_shelf(tmp_path / "turns.db") as shelf:
        read(sqlite_url, shelf)
        assert texts(shelf) == ["unmistakable words"]
    assert b"unmistakable" not in bytes_of(tmp_path)
    monkeypatch.delenv(VARIABLE)
    with open_shelf(tmp_path / "turns.db") as shelf, pytest.raises(Locked, match="k1"):
        texts(shelf)


def test_an_empty_log_holds_nothing(sqlite_url: str, shelf: Shelf):
    assert read(sqlite_url, shelf) == Read()


async def test_what_a_user_said_leaves_the_shelf_and_its_file(
    sqlite_url: str, shelf: Shelf, tmp_path: Path
):
    await say(sqlite_url, "ann", user("unmistakable words"))
    await say(sqlite_url, "bob", user("others"))
    read(sqlite_url, shelf)
    assert shelf.erase("ann") == 1
    assert texts(shelf) == ["others"]
    assert shelf.cursors("log", ["ann"]) == {}
    assert b"unmistakable" not in bytes_of(tmp_path)


def test_a_file_that_is_not_there_holds_nothing_of_anybody(tmp_path: Path):
    assert erase_turns(tmp_path / "turns.db", "ann") == 0
    assert turns_of(tmp_path / "turns.db", "ann") == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_held_of_a_user_is_told_whatever_log_it_came_from(tmp_path: Path):
    with open_shelf(tmp_path / "turns.db") as shelf:
        for origin in ("log", "old"):
            shelf.add(Harvest(origin, [Turn("ann", 1, f"from {origin}", origin)]))
    held = turns_of(tmp_path / "turns.db", "ann")
    assert {turn.text for turn in held} == {"from log", "from old"}
    assert erase_turns(tmp_path / "turns.db", "ann") == 2


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("turns.db*"))


# The columns of the table that Rasa 3's documentation names for its SQL tracker store.
RASA = (
    "CREATE TABLE events (id INTEGER PRIMARY KEY, sender_id VARCHAR(255) NOT NULL,"
    " type_name VARCHAR(255) NOT NULL, timestamp FLOAT, intent_name VARCHAR(255),"
    " action_name VARCHAR(255), data TEXT)"
)


def rasa_store(url: str, rows: Sequence[tuple[int, str, dict[str, object]]]) -> None:
    engine = create_engine(parse_url(url))
    with engine.begin() as db:
        db.execute(text(RASA.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")))
        for number, sender, event in rows:
            db.execute(
                text("INSERT INTO events VALUES (:id, :sender, :type, 1.0, NULL, NULL, :data)"),
                {"id": number, "sender": sender, "type": event["event"], "data": json.dumps(event)},
            )
    engine.dispose()


def test_a_tracker_store_of_rasa_is_read_behind_a_cursor_too(url: str, shelf: Shelf):
    def rasa() -> list[Turn]:
        read_parts(pages(url, "rasa", shelf, RULES, origin="old", now=NOW), shelf)
        return [turn for _, turn in shelf.turns()]

    rasa_store(
        url,
        [
            (1, "ann", {"event": "user", "text": "hi", "parse_data": {"text": "hi"}}),
            (2, "bob", {"event": "user", "text": "ho"}),
            (3, "ann", {"event": "action", "name": "utter_greet", "policy": None}),
        ],
    )
    assert [(turn.conversation_id, turn.actions) for turn in rasa()] == [
        ("ann", ("utter_greet",)),
        ("bob", ()),
    ]
    rasa_store(url, [(4, "ann", {"event": "user", "text": "more"})])
    assert [turn.text for turn in rasa()] == ["hi", "ho", "more"]


def test_a_database_that_is_not_there_or_holds_something_else_is_named(
    sqlite_url: str, tmp_path: Path
):
    with pytest.raises(NotFound):
        check_log(f"sqlite:///{tmp_path}/none.db", "parley")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(SettingsError, match="no table 'events'"):
        check_log(sqlite_url, "rasa")
    check_log(sqlite_url, "parley")


async def test_a_log_of_another_version_of_parley_is_refused_with_what_helps(sqlite_url: str):
    await say(sqlite_url, "ann", user("hi"))
    check_log(sqlite_url, "parley")
    engine = create_engine(parse_url(sqlite_url))
    with engine.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '0011'"))
    engine.dispose()
    with pytest.raises(SettingsError, match="parley db upgrade"):
        check_log(sqlite_url, "parley")
