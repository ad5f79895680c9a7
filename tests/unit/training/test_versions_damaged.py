"""Versions of the training data that are damaged, or go, while a user is erased."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.audit import at_terminal
from bot.privacy.holders import Places
from bot.privacy.requests import counted, erased
from bot.settings import Settings
from bot.store import schema
from bot.store.audits import SqlAudit, Wanted
from bot.store.database import Database
from bot.store.private import make_folder
from bot.store.shelf import shelf_file
from training.versions.dataset import Dataset, DatasetError
from training.versions.shelf import NotErased, Shelf

from .test_versions import LEARNED, item, made

SECRET = "my secret wish"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "models" / "datasets")


@pytest.fixture
def versions(shelf: Shelf) -> list[Path]:
    """Three versions with the user's words, in the order in which they are looked through."""
    others = [item(f"hey you {n}", "bye", conversation="other") for n in range(3)]
    return sorted(shelf.keep(made(item(SECRET), other)) for other in others)


@pytest.fixture
async def places(tmp_path: Path) -> AsyncIterator[Places]:
    url = f"sqlite:///{tmp_path}/parley.db"
    schema.upgrade(url)
    database = Database(url)
    yield Places(Settings(models=tmp_path / "models", home=tmp_path / "home"), database)
    await database.close()


def damage(path: Path, how: str) -> None:
    held = json.loads(path.read_bytes())
    match how:
        case "cut short":
            path.write_bytes(path.read_bytes()[:-20])
        case "no text":
            path.write_bytes(b"\xff\xfe")
        case "nested without end":
            path.write_bytes(b'{"rows":[{"context":' + b"[" * 100_000)
        case "a folder":
            path.unlink()
            path.mkdir()
        case "another's words":
            held["rows"][0]["text"] += " changed"
            path.write_text(json.dumps(held))
        case "no hash":
            held["rows"][0]["held"] = "zz"
            path.write_text(json.dumps(held))


HOW = ["cut short", "no text", "nested without end", "a folder", "another's words", "no hash"]


@pytest.mark.parametrize("how", HOW)
def test_a_damaged_version_is_named_when_all_others_are_looked_through(
    shelf: Shelf, versions: list[Path], how: str
):
    damage(versions[0], how)
    for _ in "again", "and again":
        with pytest.raises(NotErased, match="then erase again") as told:
            shelf.erase(LEARNED)
        assert str(versions[0]) in str(told.value)
        assert str(versions[1]) not in str(told.value)
    with pytest.raises(DatasetError):
        shelf.load(versions[0].stem)
    for path in versions[1:]:
        assert SECRET not in path.read_text()
        assert shelf.load(path.stem).erased == 1
    if "cut" not in how:
        assert not versions[0].is_file() or SECRET.encode() not in versions[0].read_bytes()


def test_what_can_be_read_is_erased_from_a_tampered_version_too(shelf: Shelf, versions: list[Path]):
    damage(versions[1], "another's words")
    with pytest.raises(NotErased, match="not what it was") as told:
        shelf.erase(LEARNED)
    assert told.value.gone == 3
    assert not any(SECRET in path.read_text() for path in versions)


@pytest.mark.parametrize("what", ["the file", "the folder"])
def test_a_version_that_is_deleted_meanwhile_is_no_hindrance(
    shelf: Shelf, versions: list[Path], what: str, monkeypatch: pytest.MonkeyPatch
):
    as_it_is = Shelf._read

    def read(self: Shelf, path: Path) -> Dataset:
        if path == versions[1] and what == "the file":
            path.unlink()
        if path == versions[1] and what == "the folder":
            shutil.rmtree(shelf.root)
        return as_it_is(self, path)

    monkeypatch.setattr(Shelf, "_read", read)
    assert shelf.erase(LEARNED) == (2 if what == "the file" else 1)
    assert not any(SECRET in path.read_text() for path in versions if path.is_file())


def test_a_version_that_cannot_be_written_is_named_and_the_others_are_erased(
    shelf: Shelf, versions: list[Path], monkeypatch: pytest.MonkeyPatch
):
    as_it_is = Shelf._replace

    def replace(self: Shelf, path: Path, stored: bytes) -> None:
        if path == versions[0]:
            raise OSError(28, "No space left on device")
        as_it_is(self, path, stored)

    monkeypatch.setattr(Shelf, "_replace", replace)
    with pytest.raises(NotErased, match="No space left") as told:
        shelf.erase(LEARNED)
    assert told.value.gone == 2
    assert [SECRET in path.read_text() for path in versions] == [True, False, False]


def test_what_was_being_written_when_somebody_was_killed_goes_too(
    shelf: Shelf, versions: list[Path]
):
    draft = versions[0].with_name(f".{versions[0].name}.4711")
    shutil.copy(versions[0], draft)
    shelf.erase("nobody who is in there")
    assert not draft.exists()


async def test_the_receipt_names_what_is_damaged_and_claims_nothing(
    places: Places, versions: list[Path]
):
    damage(versions[0], "cut short")
    audit = SqlAudit(places.database)
    found = await counted(LEARNED, places)
    assert str(versions[0]) in found["not_reached"]["datasets"]
    receipt = await erased(LEARNED, places, audit, at_terminal())
    assert list(receipt["not_reached"]) == ["datasets"]
    assert str(versions[0]) in receipt["not_reached"]["datasets"]
    assert receipt["removed"]["datasets"] == {"training data": 2}
    rows = await audit.rows(Wanted(action="privacy.erase"), limit=9)
    assert sorted(row["outcome"] for row in rows) == ["begun", "failed"]
    versions[0].unlink()
    assert (await erased(LEARNED, places, audit, at_terminal()))["not_reached"] == {}


@pytest.mark.parametrize("all_channels", [False, True])
async def test_a_damaged_file_of_turns_keeps_nothing_else_from_being_erased(
    places: Places, versions: list[Path], all_channels: bool
):
    file = shelf_file(places.settings)
    make_folder(file.parent)
    file.write_bytes(b"SQLite format 3\0" + b"\1" * 5000)
    found = await counted(LEARNED, places, all_channels=all_channels)
    assert list(found["not_reached"]) == ["turns"]
    receipt = await erased(
        LEARNED, places, SqlAudit(places.database), at_terminal(), all_channels=all_channels
    )
    assert str(file) in receipt["not_reached"]["turns"]
    assert receipt["removed"]["datasets"] == {"training data": 3}
