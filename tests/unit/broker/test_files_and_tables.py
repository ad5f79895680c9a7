"""Events handed on to a file and to a table."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from bot.broker.file import open_file
from bot.broker.sql import open_sql
from bot.errors import SettingsError, Unavailable

EVENTS = [
    {"sender_id": "ann", "event": "user", "text": "hällo 🙂\n"},
    {"sender_id": "bob", "event": "slot", "name": "n", "value": None},
]


async def test_the_file_has_one_line_of_json_for_each_event(tmp_path: Path) -> None:
    async with open_file({"path": "events.log"}, tmp_path) as broker:
        await broker.publish(EVENTS[:1])
        await broker.publish(EVENTS[1:])
    lines = (tmp_path / "events.log").read_text().splitlines()
    assert [json.loads(line) for line in lines] == EVENTS


async def test_a_file_moved_away_is_begun_anew(tmp_path: Path) -> None:
    async with open_file({}, tmp_path) as broker:
        await broker.publish(EVENTS[:1])
        (tmp_path / "rasa_event.log").rename(tmp_path / "old.log")
        await broker.publish(EVENTS[1:])
    assert json.loads((tmp_path / "rasa_event.log").read_text()) == EVENTS[1]


async def test_a_file_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    async with open_file({"path": "no folder/events.log"}, tmp_path) as broker:
        with pytest.raises(Unavailable, match=r"no folder/events.log cannot be written"):
            await broker.publish(EVENTS)


async def test_a_path_that_is_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs a text at path, not 7"):
        async with open_file({"path": 7}, tmp_path):
            pass


async def test_the_table_has_a_row_for_each_event(tmp_path: Path) -> None:
    async with open_sql({"type": "sql", "db": "events.db"}, tmp_path) as broker:
        await broker.publish(EVENTS[:1])
        await broker.publish(EVENTS[1:])
    with sqlite3.connect(tmp_path / "events.db") as db:
        rows = db.execute("SELECT sender_id, data FROM events ORDER BY id").fetchall()
    db.close()
    assert [(sender, json.loads(data)) for sender, data in rows] == [
        ("ann", EVENTS[0]),
        ("bob", EVENTS[1]),
    ]


@pytest.mark.services
async def test_the_table_may_be_in_postgresql(empty_postgres_url: str, tmp_path: Path) -> None:
    async with open_sql({"type": "sql", "url": empty_postgres_url}, tmp_path) as broker:
        await broker.publish(EVENTS)
        await broker.publish(EVENTS)


async def test_a_database_that_is_not_there_is_unavailable_and_shows_no_password(
    tmp_path: Path,
) -> None:
    options = {
        "type": "sql",
        "dialect": "postgresql",
        "url": "127.0.0.1",
        "port": 1,
        "username": "u",
        "password": "secret",
    }
    async with open_sql(options, tmp_path) as broker:
        with pytest.raises(Unavailable) as caught:
            await broker.publish(EVENTS)
    assert "secret" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)


async def test_a_dialect_that_is_not_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"no dialect mysql here\. Possible: sqlite, postgresql"
    ):
        async with open_sql({"type": "sql", "dialect": "mysql", "url": "db"}, tmp_path):
            pass
