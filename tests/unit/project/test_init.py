"""The project that ``parley init`` writes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bot.errors import ProjectError
from bot.project.check import check_project
from bot.project.init import init_project
from bot.project.load import load_project


def test_it_is_a_project_without_a_problem(tmp_path: Path) -> None:
    written = init_project(tmp_path / "new" / "bot")
    assert "domain.yml" in written
    assert "data/nlu.yml" in written
    assert ".gitignore" in written
    found = check_project(tmp_path / "new" / "bot")
    assert [problem for problem in found if problem.severity != "note"] == []


def test_every_intent_has_ten_examples_or_more(tmp_path: Path) -> None:
    init_project(tmp_path)
    project = load_project(tmp_path)
    counts = Counter(example.intent for example in project.nlu.examples)
    assert counts.keys() == project.domain.intents.keys()
    assert min(counts.values()) >= 10


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ProjectError, match="is not an empty folder"):
        init_project(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bot").write_text("mine")
    with pytest.raises(ProjectError, match="is not an empty folder"):
        init_project(tmp_path / "bot")


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectError, match="cannot be written"):
        init_project(tmp_path / "file" / "bot")
