"""Logs in SQL, read behind a cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bot.dialogue.events import ActionExecuted, BotUttered, Event, UserUttered
from bot.errors import NotFound, SettingsError
from bot.review.scrubbing import Rules
from bot.review.turn import Turn
from bot.store.database import parse_url
from bot.store.sealing import VARIABLE, Locked, new_key
from bot.store.shelf import Harvest, Shelf, erase_turns, open_shelf, turns_of
from bot.store.sql import open_log
from training.logs.databases import Page, check_log, finish, pages
from training.logs.engine import Read, read_parts

RULES = Rules(("email",), {}, b"secret")
NOW = 10_000.0


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
