"""The quick reader of plain YAML gives the nodes that the composer gives, or none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.project.composer import compose
from bot.project.node import Node
from bot.project.quick import read_plain
from bot.project.report import Report
from bot.project.yaml import BLANK_LINE
from tests.unit.project.conftest import PROJECTS
from tests.unit.project.test_fuzz import Change, changes

TESTS = Path(__file__).parents[2]
SHARED = TESTS.parent / ".." / "shared"
OWN = sorted(path for path in PROJECTS.parents[1].rglob("*.y*ml") if path.is_file())


def differs(one: Node, other: Node) -> str:
    """Where two trees are not the same, empty if they are."""
    for name in ("file", "line", "column", "source", "size", "block", "keys"):
        if getattr(one, name) != getattr(other, name):
            return f"{name} of line {other.line}: {getattr(one, name)} != {getattr(other, name)}"
    match one.value, other.value:
        case dict() as mine, dict() as theirs if list(mine) == list(theirs):
            return next(filter(None, (differs(mine[key], theirs[key]) for key in mine)), "")
        case list() as mine, list() as theirs if len(mine) == len(theirs):
            return next(filter(None, map(differs, mine, theirs)), "")
        case mine, theirs:
            same = type(mine) is type(theirs) and repr(mine) == repr(theirs)
            return "" if same else f"line {other.line}: {mine!r} != {theirs!r}"


def compared(text: str) -> bool:
    """Whether ``text`` was plain; fails where the two readers differ on it."""
    text = BLANK_LINE.sub("", text)
    quick = read_plain(text, "a.yml")
    if quick is None:
        return False
    report = Report()
    slow = compose(text, "a.yml", report)
    assert slow is not None, report.problems
    assert not report.problems
    assert differs(quick, slow) == ""
    return True


@pytest.mark.parametrize("path", OWN, ids=lambda p: p.relative_to(PROJECTS.parents[1]).as_posix())
def test_files_of_this_repository_are_read_alike(path: Path) -> None:
    compared(path.read_text("utf-8", "replace"))


def test_most_real_files_are_plain_and_read_alike() -> None:
    parts = [SHARED / "rasa-projects", SHARED / "rasa-golden" / "projects"]
    found = [path for part in parts for path in sorted(part.rglob("*.yml"))]
    if not found:
        pytest.skip("shared/rasa-projects is absent")
    plain = [compared(path.read_text("utf-8-sig")) for path in found]
    assert sum(plain) > len(plain) / 2


PIECES = (
    *("a", "b c", "text", "- ", "-", ":", ": ", " ", "  ", "    ", "\n", "\n  ", "\n- ", "\n  - "),
    *("#", " #", "'", '"', "''", "|", "|-", "|+", ">", "[", "]", "[a, b]", "[]", "{}", "{a: b}"),
    *("3", "true", "null", "~", "&x", "*x", "!y", "?", "? ", "%", "@", "`", ",", "é", "👋", "\\"),
    *("key: value", "key:", "key: |\n  x\n  y\n", "- key: v\n  k: w", "\n\n", "---", "...", "<<: "),
)
words = st.sampled_from(PIECES)


@settings(max_examples=600)
@given(st.lists(words, max_size=14).map("".join))
@example("a: |\n  x\n\n\n  y\n\n\nb: 1\n")
@example("a:\n- b:\n  - c\n- d\ne:\n")
@example("a: |\n  x")
@example("a:\n  - |\n    - x\n   # no comment\n")
@example("a: b # c\nd: e#f\n'g': \"h\" # i\n")
@example("a:")
@example("a:\n# nothing\n")
def test_whatever_looks_like_yaml_is_read_alike(text: str) -> None:
    compared(text)


@settings(max_examples=150)
@given(st.sampled_from(OWN), st.lists(changes(), min_size=1, max_size=3))
def test_a_changed_file_is_read_alike(path: Path, made: list[Change]) -> None:
    text = path.read_text("utf-8", "replace")
    for change in made:
        text = change(text)
    compared(text[:200_000])


def test_a_domain_of_megabytes_is_read_in_seconds() -> None:
    text = "intents: [a]\nresponses:\n" + "".join(
        f"  utter_{n}:\n  - text: 'answer {n}'\n    buttons:\n    - title: again\n"
        f'      payload: "/intent_{n}"\n'
        for n in range(20_000)
    )
    started = time.process_time()
    assert read_plain(text, "domain.yml") is not None
    assert time.process_time() - started < 5
