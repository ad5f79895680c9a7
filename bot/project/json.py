"""JSON with the place of every value, as ``yaml`` gives it for YAML."""

from __future__ import annotations

import re
from bisect import bisect_right
from json import JSONDecodeError, JSONDecoder

from bot.errors import ProjectError
from bot.project.node import Node, Scalar
from bot.project.report import Report, shortened
from bot.project.scalar import stored

MOST_LEVELS = 60
DECODER = JSONDecoder(strict=False)  # a line may end within a text
BLANK = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None}
WORD = re.compile("true|false|null")
MOST_DIGITS = 100  # of a number; one with more stays the text it is


def read_json(text: str, file: str, report: Report) -> Node | None:
    """The root node of a JSON text, None when it cannot be read; problems go to ``report``."""
    with report.going_on():
        return _Reader(text, file).root()
    return None


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def root(self) -> Node:
        node, at = self._node(self._skip(0), 1)
        if (end := self._skip(at)) < len(self._text):
            raise self._error(end, "something stands behind the end of the JSON value.")
        return node

    def _skip(self, at: int) -> int:
        match = BLANK.match(self._text, at)
        return match.end() if match else at

    def _place(self, at: int) -> tuple[int, int]:
        line = bisect_right(self._lines, at)
        return line, at - self._lines[line - 1] + 1

    def _error(self, at: int, message: str) -> ProjectError:
        line, column = self._place(at)
        return ProjectError(message, file=self._file, line=line, column=column)

    def _expected(self, at: int, what: str) -> ProjectError:
        found = shortened(self._text[at : at + 20]) or "the end of the file"
        return self._error(at, f"not valid JSON: {what} is missing before '{found}'.")

    def _node(self, at: int, level: int) -> tuple[Node, int]:
        """The value that begins at ``at``, and where it ends."""
        if level > MOST_LEVELS:
            raise self._error(at, f"is nested deeper than {MOST_LEVELS} levels.")
        node = Node(None, self._file, *self._place(at))
        match self._text[at : at + 1]:
            case '"':
                node.value, end = self._string(at)
                node.source = node.value
            case "{":
                end = self._mapping(node, at + 1, level)
            case "[":
                end = self._sequence(node, at + 1, level)
            case _:
                end = self._word(node, at)
        return node, end

    def _string(self, at: int) -> tuple[str, int]:
        try:
            text, end = DECODER.raw_decode(self._text, at)
            text.encode()
        except JSONDecodeError as error:
            raise self._error(error.pos, f"not valid JSON: {error.msg}.") from None
        except UnicodeEncodeError:
            raise self._error(at, "holds half of a surrogate pair (\\ud800 to \\udfff).") from None
        return str(text), end

    def _word(self, node: Node, at: int) -> int:
        if word := WORD.match(self._text, at):
            node.value, node.source = WORDS[word[0]], word[0]
            return word.end()
        number = NUMBER.match(self._text, at)
        if number is None:
            raise self._expected(at, "a value")
        node.source = written = number[0]
        if len(written) > MOST_DIGITS:
            node.value = written
        elif written.lstrip("-").isdigit():
            node.value = stored(int(written), written)
        else:
            node.value = float(written)
        return number.end()

    def _sequence(self, node: Node, at: int, level: int) -> int:
        items: list[Node] = []
        node.value = items
        at = self._skip(at)
        if self._text[at : at + 1] == "]":
            return at + 1
        while True:
            item, at = self._node(at, level + 1)
            items.append(item)
            at, ended = self._next(at, "]")
            if ended:
                return at

    def _mapping(self, node: Node, at: int, level: int) -> int:
        values: dict[str, Node] = {}
        places: dict[str, tuple[int, int]] = {}
        node.value, node.keys = values, places
        at = self._skip(at)
        if self._text[at : at + 1] == "}":
            return at + 1
        while True:
            if self._text[at : at + 1] != '"':
                raise self._expected(at, "a key in double quotes")
            place = self._place(at)
            key, at = self._string(at)
            at = self._skip(at)
            if self._text[at : at + 1] != ":":
                raise self._expected(at, "a colon")
            values[key], at = self._node(self._skip(at + 1), level + 1)
            places[key] = place
            at, ended = self._next(at, "}")
            if ended:
                return at

    def _next(self, at: int, closing: str) -> tuple[int, bool]:
        """Behind a comma, or behind ``closing``: then true."""
        at = self._skip(at)
        found = self._text[at : at + 1]
        if found == closing:
            return at + 1, True
        if found != ",":
            raise self._expected(at, f"a comma or '{closing}'")
        return self._skip(at + 1), False
