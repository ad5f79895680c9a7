"""YAML of any kind, put together from ruamel's events.

ruamel's own constructors either forget the places of values or take several times as long. Scalars
are read by the YAML 1.2 core schema as ruamel does it (``yes`` and dates are texts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml import events as ev
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from bot.errors import ProjectError
from bot.project.node import Node
from bot.project.report import Report, shortened
from bot.project.scalar import resolve

MOST_LEVELS = 60
MOST_COPIES = 100_000  # of values, made by following aliases
CORE_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str"))


def compose(text: str, file: str, report: Report) -> Node | None:
    """The root node of any YAML text, as ``read_yaml`` gives it, several times as slowly."""
    with report.going_on():
        try:
            return _Composer(text, file, report).root()
        except MarkedYAMLError as error:
            raise _syntax_error(error, text, file) from error
        except ReaderError as error:
            raise _character_error(text, file) from error
        except YAMLError as error:
            raise ProjectError(f"is not valid YAML: {error}.", file=file) from error
        except (ValueError, IndexError, AttributeError, AssertionError) as error:
            # ruamel's scanner raises these for some malformed escapes and directives.
            raise ProjectError(f"is not valid YAML: {error}.", file=file) from error
    return None


def _syntax_error(error: MarkedYAMLError, text: str, file: str) -> ProjectError:
    mark = error.problem_mark or error.context_mark
    if error.context == "while scanning a simple key":  # noticed only where the next one begins
        mark = error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or "it cannot be understood"
    if "'\\t'" in problem:
        return ProjectError(
            "a tab stands where YAML allows only spaces.",
            file=file,
            line=line,
            column=column,
            suggestion="Indent with spaces.",
        )
    context = (
        f" ({error.context} that begins in line {error.context_mark.line + 1})"
        if (error.context and error.context_mark)
        else ""
    )
    lines = text.splitlines()
    shown = f" at '{shortened(lines[line - 1])}'" if line <= len(lines) and lines[line - 1] else ""
    return ProjectError(
        f"not valid YAML: {problem}{context}{shown}.", file=file, line=line, column=column
    )


PRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _character_error(text: str, file: str) -> ProjectError:
    found = PRINTABLE.search(text)
    start = found.start() if found else 0
    return ProjectError(
        f"holds the character U+{ord(text[start]):04X}, which YAML does not allow."
        if text
        else "cannot be read as YAML.",
        file=file,
        line=text.count("\n", 0, start) + 1,
        column=start - (text.rfind("\n", 0, start) + 1) + 1,
        suggestion="Is it a text file?",
    )


class _Composer:
    """Builds nodes from ruamel's events, one document, aliases shared."""

    def __init__(self, text: str, file: str, report: Report) -> None:
        self._events: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))
        self._file = file
        self._report = report
        self._anchors: dict[str, Node | None] = {}
        self._nodes = 0  # written in the file, keys included
        self._lines = text.split("\n")

    def root(self) -> Node:
        node: Node | None = None
        for event in self._events:
            if isinstance(event, ev.StreamStartEvent | ev.StreamEndEvent | ev.DocumentEndEvent):
                continue
            if isinstance(event, ev.DocumentStartEvent):
                if node is not None:
                    raise self._error(
                        event, "a second document begins here.", "Keep one document per file."
                    )
                continue
            node = self._node(event, 1)
        return node if node is not None else Node(None, self._file, 1, 1)

    def _error(self, event: Any, message: str, suggestion: str = "") -> ProjectError:
        mark = event.start_mark
        return ProjectError(
            message,
            file=self._file,
            line=mark.line + 1,
            column=mark.column + 1,
            suggestion=suggestion,
        )

    def _node(self, event: Any, level: int) -> Node:
        if level > MOST_LEVELS:
            raise self._error(event, f"is nested deeper than {MOST_LEVELS} levels.")
        if isinstance(event, ev.AliasEvent):
            return self._alias(event)
        mark = event.start_mark
        node = Node(None, self._file, mark.line + 1, mark.column + 1)
        self._nodes += 1
        if event.anchor:
            self._anchors[event.anchor] = None  # until it is complete
        if isinstance(event, ev.ScalarEvent):
            self._scalar(event, node)
        elif isinstance(event, ev.SequenceStartEvent):
            self._sequence(node, level)
        else:
            self._mapping(node, level)
        if node.size > self._nodes + MOST_COPIES:
            raise self._error(
                event, f"repeats more than {MOST_COPIES} values by aliases.", "Use fewer aliases."
            )
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any) -> Node:
        if event.anchor not in self._anchors:
            raise self._error(event, f"the alias *{event.anchor} has no anchor before it.")
        node = self._anchors[event.anchor]
        if node is None:
            raise self._error(event, f"the alias *{event.anchor} contains itself.")
        return node

    def _scalar(self, event: Any, node: Node) -> None:
        node.source = source = event.value
        if event.style == "|":
            node.block = self._indent(node.line) + 1
        tag = str(event.tag) if event.tag else None
        if tag and tag != "!" and tag not in CORE_TAGS:
            raise self._error(event, f"the tag {shortened(tag)} is not read.", "Leave it out.")
        if event.style in ("'", '"', "|", ">") or tag:
            node.value = source
            if event.style == '"' and not source.isascii():
                self._refuse_surrogates(event, source)
        else:
            node.value = resolve(source)

    def _indent(self, line: int) -> int:
        for text in self._lines[line : line + 20]:
            if stripped := text.lstrip(" "):
                return len(text) - len(stripped)
        return 0

    def _refuse_surrogates(self, event: Any, source: str) -> None:
        try:
            source.encode()
        except UnicodeEncodeError:
            raise self._error(
                event, "holds half of a surrogate pair (\\ud800 to \\udfff)."
            ) from None

    def _sequence(self, node: Node, level: int) -> None:
        items: list[Node] = []
        for event in self._events:
            if isinstance(event, ev.SequenceEndEvent):
                break
            item = self._node(event, level + 1)
            node.size += item.size
            items.append(item)
        node.value = items

    def _mapping(self, node: Node, level: int) -> None:
        values: dict[str, Node] = {}
        places: dict[str, tuple[int, int]] = {}
        merged: list[Node] = []
        for event in self._events:
            if isinstance(event, ev.MappingEndEvent):
                break
            key = self._node(event, level + 1)
            value = self._node(next(self._events), level + 1)
            if value.value is None and not value.source and value.line > key.line:
                value.line, value.column = key.line, key.column  # not where the next token is
            node.size += value.size + 1
            if isinstance(key.value, list | dict):
                raise key.wrong(f"a key must be a text, not {key.kind}.")
            if key.source == "<<" and isinstance(key.value, str) and not key.block:
                merged.append(value)
            elif key.source in values:
                first = places[key.source][0]
                self._report.add(
                    "error",
                    key.wrong(
                        f"the key '{shortened(key.source)}' is written twice; "
                        f"first in line {first}.",
                        "Rename or remove one.",
                    ),
                )
            else:
                values[key.source] = value
                places[key.source] = (key.line, key.column)
        for value in merged:
            for source in value.value if isinstance(value.value, list) else [value]:
                for key_text, inherited in source.mapping("what << merges").items():
                    values.setdefault(key_text, inherited)
        node.value, node.keys = values, places
