"""What users wrote is for the owner of the files alone, whatever the umask lets others do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.children import redis
from bot.children.home import held
from bot.commands.output import written
from bot.errors import SettingsError
from bot.store import schema
from bot.store.backup import back_up
from bot.store.shelf import open_shelf


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_home_is_for_its_owner_alone(tmp_path: Path):
    with held(tmp_path / "home"):
        assert mode(tmp_path / "home") == 0o700


def test_so_is_the_folder_of_a_database_and_of_what_is_mined(tmp_path: Path):
    schema.upgrade(f"sqlite:///{tmp_path}/data/parley.db")
    with open_shelf(tmp_path / "mined" / "turns.db"):
        pass
    assert (mode(tmp_path / "data"), mode(tmp_path / "mined")) == (0o700, 0o700)


def test_a_folder_that_is_there_keeps_its_rights(tmp_path: Path):
    (tmp_path / "home").mkdir(mode=0o750)
    with held(tmp_path / "home"):
        assert mode(tmp_path / "home") == 0o750


def test_a_backup_and_an_export_are_for_their_owner_alone(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "parley.db")) as db:
        db.execute("CREATE TABLE event (event TEXT)")
    back_up(f"sqlite:///{tmp_path}/parley.db", tmp_path / "copy.db")
    with written(tmp_path / "anna.json", private=True) as file:
        file.write("{}")
    assert (mode(tmp_path / "copy.db"), mode(tmp_path / "anna.json")) == (0o600, 0o600)


def test_a_folder_for_the_socket_that_somebody_else_made_is_not_used(tmp_path: Path, monkeypatch):
    """Where the home's path is too long its name can be foreseen, and /tmp is everybody's."""
    monkeypatch.setattr(redis.tempfile, "gettempdir", lambda: str(tmp_path))
    long = tmp_path / ("a" * 100)
    long.mkdir()
    ours = redis._socket_path(long).parent
    assert mode(ours) == 0o700
    ours.rmdir()
    (tmp_path / "theirs").mkdir(mode=0o777)
    ours.symlink_to(tmp_path / "theirs")
    with pytest.raises(SettingsError, match="somebody else"):
        redis._socket_path(long)
