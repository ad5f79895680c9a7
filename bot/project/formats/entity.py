"""Annotated spans, as the JSON formats write them."""

from __future__ import annotations

from bot.project.node import Node
from bot.project.project import ExampleEntity


def span(
    text: str,
    start: Node,
    end: Node,
    entity: str,
    *,
    value: str | None = None,
    role: str | None = None,
    group: str | None = None,
    last: int = 0,
) -> ExampleEntity:
    """The entity of ``text[start:end]``; ``last`` is 1 where the end is its last character.

    Raises ProjectError where that is no part of the text.
    """
    first, behind = int(start.number("start")), int(end.number("end")) + last
    if not 0 <= first < behind <= len(text):
        raise start.wrong(
            f"the entity '{entity}' reaches from {first} to {behind}, but the text has "
            f"{len(text)} characters.",
            "Offsets count characters from 0.",
        )
    surface = text[first:behind]
    return ExampleEntity(first, behind, entity, surface if value is None else value, role, group)


def optional_text(node: Node | None, what: str) -> str | None:
    """A text, None where it is missing or empty."""
    return None if node is None or node.value is None else node.text(what).strip() or None
