"""Whatever stands in a project's files, it is a problem with a place and never a crash."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ProjectError
from bot.project.check import check_project
from bot.project.load import load_project
from tests.unit.project.conftest import ENVIRON, PROJECTS
from tests.unit.project.test_formats import LUIS, RASA, WIT

WITHIN_S = 10  # of processor time, for one project; it takes milliseconds
FILES = sorted(
    path.relative_to(PROJECTS / "good").as_posix() for path in (PROJECTS / "good").rglob("*.yml")
)
STRANGE = (
    *("\t", "\x00", "\ufeff", "\r", "\r\n", "\x85", "\u2028", "\ud7ff", "\U0010ffff", "\x7f"),
    *("- ", ": ", "[", "]", "{", "}", "&a ", "*a", "!!str ", "!x ", "|", ">", "'", '"', "#", "?"),
    *("<<: ", "null", "~", "9" * 400, "-1e999", ".nan", "0x_", "true", "%YAML 9.9\n---\n", "...\n"),
    *("[" * 80, "{a: " * 80, "- " * 80, "a: &a [*a]\n", "x" * 5000, "${HOME}", "${", "{" * 30),
)

Change = Callable[[str], str]


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """One thing that happens to a text."""
    kind = draw(st.sampled_from(["insert", "cut", "repeat", "swap", "indent", "value"]))
    where, other = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    strange = draw(st.sampled_from(STRANGE))

    def change(text: str) -> str:
        lines = text.split("\n")
        at, to = int(where * (len(lines) - 1)), int(other * (len(lines) - 1))
        match kind:
            case "insert":
                place = int(where * len(text))
                return text[:place] + strange + text[place:]
            case "cut":
                return "\n".join(lines[:at] + lines[max(at, to) :])
            case "repeat":
                return "\n".join(lines[:at] + lines[min(at, to) : at] + lines[at:])
            case "swap":
                lines[at], lines[to] = lines[to], lines[at]
                return "\n".join(lines)
            case "indent":
                lines[at] = " " * int(other * 6) + lines[at].lstrip()
                return "\n".join(lines)
            case _:
                key, colon, _ = lines[at].partition(":")
                lines[at] = f"{key}{colon} {strange}"
                return "\n".join(lines)

    return change


def checked(folder: Path) -> None:
    """Check and load what is in ``folder``: problems have a file, and it does not take long."""
    started = time.process_time()
    problems = check_project(folder, environ=ENVIRON)
    for problem in problems:
        assert problem.message
        assert problem.file
        assert str(problem).isprintable()
    refused: ProjectError | None = None
    try:
        load_project(folder, environ=ENVIRON)
    except ProjectError as error:
        refused = error
    assert refused is None or refused.file
    errors = [problem for problem in problems if problem.severity == "error"]
    assert errors or refused is None
    assert refused or not any(problem.code == "read" for problem in errors)
    assert time.process_time() - started < WITHIN_S


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz") / "project"
    shutil.copytree(PROJECTS / "good", folder)
    return folder


@settings(max_examples=80)
@given(st.sampled_from(FILES), st.lists(changes(), min_size=1, max_size=4))
def test_a_changed_file_is_read_or_refused(copy: Path, file: str, made: list[Change]) -> None:
    path, text = copy / file, (PROJECTS / "good" / file).read_text()
    for change in made:
        text = change(text)
    try:
        path.write_bytes(text.encode("utf-8", "replace"))
        checked(copy)
    finally:
        shutil.copy(PROJECTS / "good" / file, path)


@settings(max_examples=25)
@given(
    st.sampled_from([json.dumps(each, indent=1) for each in (RASA, LUIS, WIT)]),
    st.lists(changes(), max_size=3),
    st.binary(max_size=4),
)
def test_a_changed_file_of_another_tool_is_read_or_refused(
    copy: Path, text: str, made: list[Change], behind: bytes
) -> None:
    for change in made:
        text = change(text)
    path = copy / "data" / "other.json"
    try:
        path.write_bytes(text.encode("utf-8", "replace") + behind)
        checked(copy)
    finally:
        path.unlink()


@settings(max_examples=25)
@given(st.sampled_from(FILES), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(copy: Path, file: str, content: bytes) -> None:
    try:
        (copy / file).write_bytes(content)
        checked(copy)
    finally:
        shutil.copy(PROJECTS / "good" / file, copy / file)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_change_nothing(
    tmp_path: Path, ends: str, mark: str
) -> None:
    shutil.copytree(PROJECTS / "good", tmp_path / "project")
    for file in FILES:
        text = (PROJECTS / "good" / file).read_text()
        (tmp_path / "project" / file).write_bytes((mark + text.replace("\n", ends)).encode())
    same = load_project(tmp_path / "project", environ=ENVIRON)
    good = load_project(PROJECTS / "good", environ=ENVIRON)
    assert same.hash == good.hash
    assert [(e.file, e.line) for e in same.nlu.examples] == [
        (e.file, e.line) for e in good.nlu.examples
    ]
