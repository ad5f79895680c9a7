"""Names that a project's files mention, kept to be compared with what the project defines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.project.node import Node

Kind = Literal[
    "action",
    "mapping action",
    "intent",
    "entity",
    "slot",
    "loop",
    "form slot",
    "variable",
    "payload",
]


@dataclass(frozen=True, slots=True)
class Mention:
    """``name`` is used as a ``kind`` at ``node``; ``by`` says by what, for the error."""

    kind: Kind
    name: str
    node: Node
    by: str


@dataclass(slots=True)
class Mentions:
    """All mentions of a project, in the order they were read."""

    all: list[Mention] = field(default_factory=list)

    def add(self, kind: Kind, node: Node, by: str, name: str | None = None) -> str:
        """Note that ``by`` uses the name written at ``node``, and give the name."""
        name = name if name is not None else node.name(f"the {kind} of {by}")
        self.all.append(Mention(kind, name, node, by))
        return name
