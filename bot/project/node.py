"""A value of a YAML file, with its place for what is said about it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

from bot.errors import ProjectError
from bot.project.report import shortened

Scalar = None | bool | int | float | str


@dataclass(slots=True, eq=False)
class Node:
    """A value and where it was written; ``line`` and ``column`` count from 1.

    ``source`` is a scalar as written, ``keys`` the places of a mapping's keys, ``size`` the
    number of nodes below with every alias expanded, ``block`` the column where the lines of a
    ``|`` text begin (0: it is none; its first line is the one after ``line``).
    """

    value: Scalar | list[Node] | dict[str, Node]
    file: str
    line: int
    column: int
    source: str = ""
    keys: dict[str, tuple[int, int]] | None = None
    size: int = 1
    block: int = 0

    def wrong(self, message: str, suggestion: str = "") -> ProjectError:
        """The error that says ``message`` at this place."""
        return ProjectError(
            message, file=self.file, line=self.line, column=self.column, suggestion=suggestion
        )

    def wrong_key(self, key: str, message: str, suggestion: str = "") -> ProjectError:
        """The error that says ``message`` where ``key`` is written."""
        line, column = (self.keys or {}).get(key, (self.line, self.column))
        return ProjectError(
            message, file=self.file, line=line, column=column, suggestion=suggestion
        )

    @property
    def kind(self) -> str:
        """What this is, in words for an error."""
        match self.value:
            case None:
                return "nothing"
            case dict():
                return "a mapping"
            case list():
                return "a list"
            case bool():
                return f"{self.source}, a truth value"
            case int() | float():
                return f"the number {self.source}"
            case _:
                return f"the text '{shortened(self.source)}'"

    def mapping(self, what: str) -> dict[str, Node]:
        """The values by key; ``what`` names the thing in the error."""
        if isinstance(self.value, dict):
            return self.value
        raise self.wrong(f"{what} must be a mapping (key: value), not {self.kind}.")

    def sequence(self, what: str) -> list[Node]:
        """The items of a list."""
        if isinstance(self.value, list):
            return self.value
        raise self.wrong(f"{what} must be a list (lines that begin with -), not {self.kind}.")

    def text(self, what: str) -> str:
        """A text; a number or truth value counts as it was written."""
        if isinstance(self.value, str | bool | int | float):
            return self.source
        raise self.wrong(f"{what} must be a text, not {self.kind}.")

    def name(self, what: str) -> str:
        """A text with something in it."""
        name = self.text(what).strip()
        if not name:
            raise self.wrong(f"{what} is empty.")
        return name

    def truth(self, what: str) -> bool:
        """True or false."""
        if isinstance(self.value, bool):
            return self.value
        raise self.wrong(f"{what} must be true or false, not {self.kind}.")

    def number(self, what: str) -> float:
        """An int or a float that is finite."""
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            if isfinite(self.value):
                return self.value
            raise self.wrong(f"{what} must be a finite number, not {self.source}.")
        raise self.wrong(f"{what} must be a number, not {self.kind}.")

    def whole(self, what: str) -> int:
        """An int."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return self.value
        raise self.wrong(f"{what} must be a whole number, not {self.kind}.")

    def names(self, what: str) -> list[Node]:
        """Nodes that hold names: of a list, or the one name that stands in place of a list."""
        nodes = self.value if isinstance(self.value, list) else [self]
        for node in nodes:
            node.name(what)
        return nodes

    def plain(self) -> Any:
        """The value without places, made of dict, list, str, int, float, bool and None."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value
