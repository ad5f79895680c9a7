"""The plain part of YAML, read line by line, ten times as fast as all of it.

What this reads, the composer of ``yaml`` reads as exactly the same nodes (a test compares them).
Whatever is not plain, mistakes included, is left to it: mappings, lists, quoted and plain scalars
on one line, ``|`` texts and comments are read; anchors, tags, folded texts, flow collections but
lists of words, and scalars over several lines are not.
"""

from __future__ import annotations

import re

from bot.project.node import Node
from bot.project.scalar import resolve

MOST_LEVELS = 60
NOT_PLAIN = re.compile(
    "^(?:---|\\.\\.\\.)|[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
    "\U00010000-\U0010ffff]",
    re.MULTILINE,
)
KEY = re.compile(r"""(?:(\w[\w/.+ -]{0,200})|"([^"\\]{0,200})"|'([^']{0,200})') *:(?: +|$)""")
DASH = re.compile(r"- *")
TAIL = re.compile(r" *(?: #.*)?$")  # behind a value that ends by itself
DOUBLE = re.compile(r'"([^"\\]*)"')
SINGLE = re.compile(r"'((?:[^']|'')*)'")
BLOCK = re.compile(r"\|(-?) *(?: #.*)?$")
WORDS = re.compile(r"\[ *((?:[\w/.+][\w/.+ -]*(?:, *(?=[\w/.+])[\w/.+ -]+)*)?)\]")
INDICATORS = frozenset(",[]{}#&*!|>'\"%@`")
DASHES = frozenset("-?:")


class _NotPlain(Exception):
    """Here is something for the composer."""


def read_plain(text: str, file: str) -> Node | None:
    """The root of a plain YAML text, None where it is not plain."""
    if NOT_PLAIN.search(text):
        return None
    reader = _Reader(text, file)
    try:
        return reader.root()
    except _NotPlain:
        return None


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self._lines = text.split("\n")
        self._file = file
        self._at = 0  # the line that is next

    def root(self) -> Node:
        if self._indent() != 0 or self._lines[self._at].startswith("-"):
            raise _NotPlain
        node = self._mapping(0, 1)
        if self._indent() != -1:
            raise _NotPlain
        return node

    def _indent(self) -> int:
        """Of the next line with something on it, -1 at the end."""
        lines, last = self._lines, len(self._lines)
        while self._at < last:
            line = lines[self._at]
            stripped = line.lstrip(" ")
            if stripped and not stripped.startswith("#"):
                return len(line) - len(stripped)
            self._at += 1
        return -1

    def _block(self, indent: int, level: int) -> Node:
        if level > MOST_LEVELS:
            raise _NotPlain
        is_item = self._lines[self._at].startswith("-", indent)
        return self._sequence(indent, level) if is_item else self._mapping(indent, level)

    def _mapping(self, indent: int, level: int) -> Node:
        """The mapping whose first key stands at ``indent`` of the next line."""
        values: dict[str, Node] = {}
        places: dict[str, tuple[int, int]] = {}
        node = Node(values, self._file, self._at + 1, indent + 1, "", places)
        found = indent
        while found == indent:
            match = KEY.match(self._lines[self._at], indent)
            if match is None:
                raise _NotPlain
            key = (match[1] or "").rstrip(" ") or match[2] or match[3] or ""
            if key in values:
                raise _NotPlain  # twice: the composer says so
            places[key] = (self._at + 1, indent + 1)
            value = self._value(match.end(), indent, level)
            values[key] = value
            node.size += value.size + 1
            found = self._indent()
        if found > indent:
            raise _NotPlain
        return node

    def _value(self, start: int, indent: int, level: int) -> Node:
        """What stands behind a key, or below it."""
        line, number = self._lines[self._at], self._at
        if start < len(line) and line[start] != "#":
            return self._inline(start, indent)
        self._at += 1
        below = self._indent()
        if below > indent or (below == indent and self._is_item(indent)):
            return self._block(below, level + 1)
        if self._at >= len(self._lines) and number == len(self._lines) - 1:
            raise _NotPlain
        return Node(None, self._file, number + 1, indent + 1)

    def _is_item(self, indent: int) -> bool:
        return self._lines[self._at][indent : indent + 2] in ("-", "- ")

    def _sequence(self, indent: int, level: int) -> Node:
        items: list[Node] = []
        node = Node(items, self._file, self._at + 1, indent + 1)
        found = indent
        while found == indent and self._is_item(indent):
            item = self._item(indent, level)
            items.append(item)
            node.size += item.size
            found = self._indent()
        if found > indent or not items:
            raise _NotPlain
        return node

    def _item(self, indent: int, level: int) -> Node:
        line = self._lines[self._at]
        match = DASH.match(line, indent)
        start = match.end() if match else indent
        if start >= len(line) or line[start] == "#":
            self._at += 1
            below = self._indent()
            if below <= indent:
                raise _NotPlain
            return self._block(below, level + 1)
        if KEY.match(line, start):
            if level >= MOST_LEVELS:
                raise _NotPlain
            return self._mapping(start, level + 1)
        return self._inline(start, indent)

    def _inline(self, start: int, indent: int) -> Node:
        """A value that begins on this line, below a key or dash at ``indent``."""
        line = self._lines[self._at]
        node = Node(None, self._file, self._at + 1, start + 1)
        match line[start]:
            case '"':
                node.value = node.source = self._quoted(DOUBLE, line, start)
            case "'":
                node.value = node.source = self._quoted(SINGLE, line, start).replace("''", "'")
            case "|":
                self._text(node, line, start, indent)
                return node
            case "[":
                self._words(node, line, start)
            case _:
                node.source = self._plain(line, start)
                node.value = resolve(node.source)
        self._at += 1
        return node

    def _quoted(self, pattern: re.Pattern[str], line: str, start: int) -> str:
        match = pattern.match(line, start)
        if match is None or not TAIL.match(line, match.end()):
            raise _NotPlain
        return match[1]

    def _plain(self, line: str, start: int) -> str:
        first = line[start]
        if first in INDICATORS or (first in DASHES and line[start + 1 : start + 2] in ("", " ")):
            raise _NotPlain
        end = line.find(" #", start)
        source = (line[start:] if end < 0 else line[start:end]).rstrip(" ")
        if ": " in source or source.endswith(":"):
            raise _NotPlain
        return source

    def _words(self, node: Node, line: str, start: int) -> None:
        """A list such as ``[from, to]``."""
        match = WORDS.match(line, start)
        if match is None or not TAIL.match(line, match.end()):
            raise _NotPlain
        items: list[Node] = []
        at = match.start(1)
        for word in match[1].split(",") if match[1] else ():
            source = word.strip(" ")
            column = at + len(word) - len(word.lstrip(" ")) + 1
            items.append(Node(resolve(source), self._file, node.line, column, source))
            at += len(word) + 1
        node.value = items
        node.size += len(items)

    def _text(self, node: Node, line: str, start: int, indent: int) -> None:
        """A ``|`` text: its lines without the indentation of the first."""
        match = BLOCK.match(line, start)
        if match is None:
            raise _NotPlain
        lines, first = self._lines, self._at + 1
        while first < len(lines) and not lines[first]:
            first += 1
        if first >= len(lines) or first > self._at + 19:
            raise _NotPlain
        margin = len(lines[first]) - len(lines[first].lstrip(" "))
        if margin <= indent:
            raise _NotPlain
        edge, end = " " * margin, first
        while end < len(lines) and (not lines[end] or lines[end].startswith(edge)):
            end += 1
        kept = [each[margin:] for each in lines[self._at + 1 : end]]
        ends_open = end == len(lines) and bool(lines[-1])  # the file ends without a line end
        text = "\n".join(kept).rstrip("\n")
        node.value = node.source = text if match[1] or ends_open else text + "\n"
        node.block = margin + 1
        self._at = end
