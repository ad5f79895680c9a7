"""Annotated spans, as the JSON formats write them."""

from __future__ import annotations

from bot.project.node import Node
from bot.project.project import ExampleEntity
from bot.project.report import Report


def span(
    text: str,
    start: Node,
    end: Node,
    entity: str,
    report: Report,
    *,
    value: str | None = None,
    role: str | None = None,
    group: str | None = None,
    last: int = 0,
) -> ExampleEntity:
    """The entity of ``text[start:end]``; ``last`` is 1 where the end is its last character.

    One that reaches beyond the text ends with it. Raises ProjectError where nothing is left.
    """
    first, behind = start.whole("start"), end.whole("end") + last
    message = (
        f"the entity '{entity}' reaches from {first} to {behind}, but the text has "
        f"{len(text)} characters."
    )
    if not 0 <= first < min(behind, len(text)):
        raise start.wrong(message, "Offsets count characters from 0.")
    if behind > len(text):
        report.warn(end.wrong(message, "It is read to the end of the text."))
        behind = len(text)
    surface = text[first:behind]
    return ExampleEntity(first, behind, entity, surface if value is None else value, role, group)


def optional_text(node: Node | None, what: str) -> str | None:
    """A text, None where it is missing or empty."""
    return None if node is None or node.value is None else node.text(what) or None
