"""`parley logs`."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bot.dialogue.events import UserUttered
from bot.errors import SettingsError
from bot.store import personal, schema
from bot.store.database import Database
from bot.store.shelf import Harvest, Shelf, erase_turns, open_shelf, turns_of
from bot.store.sql import open_log
from training.cli import register


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    (tmp_path / "domain.yml").write_text("intents: [greet]\n")
    (tmp_path / "config.yml").write_text("language: en\n")
    return tmp_path


def parley(*words: str | Path) -> str:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


async def test_what_was_said_is_read_once(project: Path):
    url = f"sqlite:///{project}/home/parley.db"
    schema.upgrade(url)
    async with open_log(url, clock=lambda: 1.0) as log:
        await log.commit("ann", [UserUttered(text="hi")], seq=0, epoch=0)
    assert "1 events, 1 new turns, 0 bad rows" in parley("logs", "read", "-p", project)
    assert "0 events, 0 new turns" in parley("logs", "read", "-p", project)
    assert "log: 1 turns" in parley("logs", "show", "-p", project)


async def test_who_is_erased_while_he_is_read_is_not_on_the_shelf(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    url, file = f"sqlite:///{project}/home/parley.db", project / "home" / "turns.db"
    schema.upgrade(url)
    async with open_log(url, clock=lambda: 1.0) as log:
        for name in ("ann", "bob"):
            await log.commit(name, [UserUttered(text=f"of {name}")], seq=0, epoch=0)
    as_it_is = Shelf.add

    def add(shelf: Shelf, harvest: Harvest) -> int:
        monkeypatch.setattr(Shelf, "add", as_it_is)
        with ThreadPoolExecutor(1) as other:  # a command beside this one
            other.submit(asyncio.run, erase(url, "ann")).result()
        erase_turns(file, "ann")  # and finds nothing
        return shelf.add(harvest)

    monkeypatch.setattr(Shelf, "add", add)
    parley("logs", "read", "-p", project)
    assert turns_of(file, "ann") == []
    assert [turn.text for turn in turns_of(file, "bob")] == ["of bob"]
    assert b"of ann" not in file.read_bytes()
    with open_shelf(file) as shelf:
        assert list(shelf.cursors("log", ["ann", "bob"])) == ["bob"]


async def erase(url: str, name: str) -> None:
    database = Database(url)
    await database.write(partial(personal.erase, conversation_id=name, now=2.0))
    await database.close()


def test_a_file_that_did_not_change_is_passed_over(project: Path):
    file = project / "chats.jsonl"
    file.write_text(json.dumps({"id": 1, "text": "hi"}) + "\nbad\n")
    words = ("logs", "import", file, "-p", project, "--field", "conversation=id")
    assert "1 new turns, 1 bad rows" in parley(*words)
    assert "chats.jsonl:2: no JSON" in parley("logs", "show", "-p", project)
    assert "nothing new" in parley(*words)


def test_a_field_that_is_none_is_refused_with_the_names_of_those_there_are(project: Path):
    with pytest.raises(SettingsError, match="conversation"):
        parley("logs", "import", project / "x", "-p", project, "--field", "txt=a")
    with pytest.raises(SettingsError, match="Parley's own log"):
        parley("logs", "import", project / "x", "-p", project, "--origin", "log")
