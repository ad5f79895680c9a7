"""YAML with places: what is read, where it stood, what is refused."""

from __future__ import annotations

import time
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bot.errors import ProjectError
from bot.project.node import Node
from bot.project.report import Problem, Report
from bot.project.scalar import resolve
from bot.project.yaml import decode, read_yaml


def read(text: str) -> Node:
    report = Report()
    node = read_yaml(text, "a.yml", report)
    assert node is not None, report.problems
    assert not report.problems
    return node


def problem(text: str) -> Problem:
    report = Report()
    read_yaml(text, "a.yml", report)
    return report.problems[0]


def test_every_node_knows_its_line_and_column() -> None:
    root = read("a: 1\nb:\n  - x\n  - {c: y}\n")
    assert isinstance(root.value, dict)
    assert isinstance(root.value["b"].value, list)
    first, second = root.value["b"].value
    assert (first.line, first.column) == (3, 5)
    assert isinstance(second.value, dict)
    assert (second.value["c"].line, second.value["c"].column) == (4, 9)
    assert root.keys == {"a": (1, 1), "b": (2, 1)}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("true", True),
        ("~", None),
        ("007", 7),
        ("-3", -3),
        ("1_000", 1000),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"),
        ("-", "-"),
        ("9" * 19, "9" * 19),
        ("9" * 5000, "9" * 5000),
        ("0x_", "0x_"),
        ("._e1", "._e1"),
    ],
)
def test_a_plain_scalar_has_its_type(source: str, value: Any) -> None:
    assert resolve(source) == value
    assert type(resolve(source)) is type(value)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-1000, 1000)
        | st.text("abcé👋: -#'\"\n0", max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text("abcé ", min_size=1, max_size=5), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_what_ruamel_writes_is_read_back(value: Any) -> None:
    stream = StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.dump(value, stream)
    assert read(stream.getvalue()).plain() == value


@given(st.text("0123456789abcdefxob_.-+eEinfNA~", min_size=1))
def test_any_plain_scalar_has_a_value_or_is_its_text(source: str) -> None:
    value = resolve(source)
    assert value == source or not isinstance(value, str)


def test_aliases_and_merge_keys_are_followed() -> None:
    root = read("base: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}\nsame: *b\n").plain()
    assert root["more"] == {"x": 1, "y": 3}
    assert root["same"] == {"x": 1, "y": 2}


def test_a_block_text_may_begin_with_a_short_blank_line() -> None:
    assert read("a: |\n  \n    - x\n    - y\n").plain() == {"a": "\n- x\n- y\n"}


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("a: 1\n\tb: 2\n", 2, 1, "tab"),
        ("a: [1, 2\nb: 3\n", 2, 2, "not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "'a' is written twice; first in line 1"),
        ("a: 1\n---\nb: 2\n", 2, 1, "second document"),
        ("a: !!python/object:os.system x\n", 1, 4, "tag"),
        ("a: *nowhere\n", 1, 4, "no anchor"),
        ("a: &x [*x]\n", 1, 8, "contains itself"),
        ("? [a, b]\n: c\n", 1, 3, "key must be a text"),
        ('a: "\\ud800"\n', 1, 4, "surrogate"),
        ("a: b\nc: \x01\n", 2, 4, "U\\+0001"),
        ("a: \x00\n", 1, 4, "U\\+0000"),
        ("a: " + "[" * 5000, 1, 63, "nested deeper"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(
    text: str, line: int, column: int, reason: str
) -> None:
    found = problem(text)
    assert (found.file, found.line, found.column) == ("a.yml", line, column)
    with pytest.raises(ProjectError, match=reason):
        raise found.as_error()


def test_an_alias_bomb_is_refused_quickly() -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 30)]
    started = time.process_time()
    assert "repeats more than" in problem("\n".join(lines)).message
    assert time.process_time() - started < 5


def test_text_that_is_not_utf_8_is_named_with_its_place() -> None:
    with pytest.raises(ProjectError, match=r"a\.yml:2:4: is not UTF-8 text \(byte 0xe9\)"):
        decode(b"a: x\nb: \xe9t\xe9\n", "a.yml")


@given(st.text())
def test_any_text_gives_a_node_or_a_problem(text: str) -> None:
    report = Report()
    node = read_yaml(text, "a.yml", report)
    assert node is not None or report.first_error is not None


@given(st.text("ab:-[]{}&*!|>'\"%@`,?# \n\t0<\\u", max_size=40))
def test_any_punctuation_gives_a_node_or_a_problem(text: str) -> None:
    report = Report()
    node = read_yaml(text, "a.yml", report)
    assert node is not None or report.first_error is not None
