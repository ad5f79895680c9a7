"""With a cache, an unchanged project is not parsed again."""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.project import load as load_module
from bot.project.load import load_project
from bot.project.paths import ProjectPaths
from bot.project.project import Project
from tests.unit.project.conftest import ENVIRON, PROJECTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(PROJECTS / "good", tmp_path / "good")
    return tmp_path / "good"


@pytest.fixture
def load(folder: Path, tmp_path: Path) -> Callable[[], Project]:
    return lambda: load_project(folder, environ=ENVIRON, cache=tmp_path / "cache")


@pytest.fixture
def never_parse(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def forbid() -> None:
        def read(*_: object) -> None:
            raise AssertionError("parsed again")

        monkeypatch.setattr(load_module, "read_content", read)

    return forbid


def test_what_was_kept_equals_what_was_read(
    load: Callable[[], Project], never_parse: Callable[[], None]
) -> None:
    first = load()
    never_parse()
    assert load() == first


def test_warnings_are_kept_too(
    folder: Path, load: Callable[[], Project], never_parse: Callable[[], None]
) -> None:
    (folder / "data" / "more.yml").write_text("nlu:\n- intent: nobody\n  examples: |\n    - x\n")
    first = load()
    assert first.warnings
    never_parse()
    assert load().warnings == first.warnings


@pytest.mark.parametrize("file", ["domain.yml", "data/nlu.yml", "data/dishes.txt"])
def test_a_changed_file_is_read_again(folder: Path, load: Callable[[], Project], file: str) -> None:
    before = load()
    path = folder / file
    path.write_text(path.read_text().replace("soup", "stew").replace("Hello", "Hi"))
    assert load().hash != before.hash


@pytest.mark.parametrize("damage", [b"", b"x" * 100, None])
def test_a_damaged_entry_is_read_again_and_written_anew(
    tmp_path: Path,
    load: Callable[[], Project],
    never_parse: Callable[[], None],
    damage: bytes | None,
) -> None:
    first = load()
    (entry,) = (tmp_path / "cache").iterdir()
    kept = entry.read_bytes()
    entry.write_bytes(kept[:-1] if damage is None else damage)
    assert load() == first
    assert entry.read_bytes() == kept
    never_parse()
    assert load() == first


def test_a_cache_that_cannot_be_written_does_no_harm(folder: Path) -> None:
    assert load_project(folder, environ=ENVIRON, cache=folder / "domain.yml" / "cache")


def test_an_unchanged_project_of_twenty_thousand_lines_starts_in_time(
    folder: Path, load: Callable[[], Project]
) -> None:
    lines = ["nlu:"]
    for n in range(1000):
        lines += [f"- intent: faq/i{n}", "  examples: |"]
        lines += [f"    - question {m} number {n} about [soup](dish)" for m in range(18)]
    (folder / "data" / "many.yml").write_text("\n".join(lines))
    first = load()
    gc.collect()
    gc.disable()  # what other tests left behind is not this one's to look through
    try:
        started = time.process_time()
        again = load()
        assert time.process_time() - started < 0.3
    finally:
        gc.enable()
    assert again == first


def test_a_file_that_is_given_itself_is_another_project(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text("intents: [a]\nresponses: {utter_a: [{text: A}]}\n")
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "test_a.yml"
    file.write_text("stories: [{story: s, steps: [{intent: a}, {action: utter_a}]}]\n")
    given = ProjectPaths(data=(file,))
    assert load_project(tmp_path, cache=tmp_path / "cache").stories == ()
    assert len(load_project(tmp_path, paths=given, cache=tmp_path / "cache").stories) == 1
    assert load_project(tmp_path, cache=tmp_path / "cache").stories == ()
