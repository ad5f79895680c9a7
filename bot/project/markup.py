"""Entity markup of training sentences: ``[text](entity)``, ``[text]{"entity": …}``.

A ``[`` that no annotation follows is text like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from bot.errors import ProjectError
from bot.project.project import ExampleEntity

KEYS = ("entity", "role", "group", "value")
DECODER = json.JSONDecoder()


class MarkupError(ProjectError):
    """An annotation is wrong; ``offset`` is where in the marked-up text, in characters."""

    def __init__(self, message: str, offset: int, suggestion: str = "") -> None:
        super().__init__(message, suggestion=suggestion)
        self.offset = offset


def read_markup(marked: str) -> tuple[str, tuple[ExampleEntity, ...]]:
    """The text without its markup, and the entities; offsets count code points.

    Raises MarkupError.
    """
    parts: list[str] = []
    entities: list[ExampleEntity] = []
    length = 0  # of the text so far
    at = 0
    while True:
        opening = marked.find("[", at)
        closing = marked.find("]", opening + 1) if opening >= 0 else -1
        if closing < 0:
            break
        opening = marked.rfind("[", opening, closing)
        surface = marked[opening + 1 : closing]
        found = _annotations(marked, closing + 1) if surface else None
        if found is None:
            parts.append(marked[at : closing + 1])
            length += closing + 1 - at
            at = closing + 1
            continue
        annotations, end = found
        parts.append(marked[at:opening])
        start = length + opening - at
        length = start + len(surface)
        parts.append(surface)
        entities += [_entity(a, surface, start, opening) for a in annotations]
        at = end
    return "".join(parts) + marked[at:], tuple(entities)


def write_markup(text: str, entities: Iterable[ExampleEntity]) -> str:
    """``text`` with its entities annotated; what ``read_markup`` reads back."""
    spans: dict[tuple[int, int], list[ExampleEntity]] = {}
    for entity in sorted(entities, key=lambda e: (e.start, e.end)):
        spans.setdefault((entity.start, entity.end), []).append(entity)
    parts: list[str] = []
    at = 0
    for (start, end), same in spans.items():
        surface = text[start:end]
        parts += [text[at:start], "[", surface, "]", _written(same, surface)]
        at = end
    return "".join(parts) + text[at:]


def _written(entities: list[ExampleEntity], surface: str) -> str:
    described = [
        {
            key: value
            for key, value in (
                ("entity", entity.entity),
                ("role", entity.role),
                ("group", entity.group),
                ("value", entity.value if entity.value != surface else None),
            )
            if value is not None
        }
        for entity in entities
    ]
    if len(described) > 1:
        return json.dumps(described, ensure_ascii=False)
    plain = list(described[0]) == ["entity"] and not set(entities[0].entity) & set(":)")
    if plain and entities[0].entity.strip() == entities[0].entity:
        return f"({entities[0].entity})"
    return json.dumps(described[0], ensure_ascii=False)


def _annotations(marked: str, at: int) -> tuple[list[dict[str, Any]], int] | None:
    """What stands behind ``[text]``, and where it ends; None when it is no annotation."""
    match marked[at : at + 1]:
        case "(":
            return _short(marked, at)
        case "{":
            described, end = _json(marked, at)
            return [described], end
        case "[" if marked[at + 1 :].lstrip()[:1] == "{":
            described, end = _json(marked, at)
            return described, end
        case _:
            return None


def _short(marked: str, at: int) -> tuple[list[dict[str, Any]], int] | None:
    closing = marked.find(")", at)
    entity, colon, value = marked[at + 1 : closing].partition(":")
    if closing < 0 or not entity.strip():
        return None
    return [
        {"entity": entity.strip(), **({"value": value} if colon and value else {})}
    ], closing + 1


def _json(marked: str, at: int) -> tuple[Any, int]:
    try:
        return DECODER.raw_decode(marked, at)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deep"
        raise MarkupError(
            f"the annotation {marked[at : at + 30]!r} is not JSON: {reason}.",
            at,
            'Write [Berlin]{"entity": "city", "role": "from"}.',
        ) from None


def _entity(annotation: Any, surface: str, start: int, offset: int) -> ExampleEntity:
    if not isinstance(annotation, dict):
        raise MarkupError(f"the annotation of [{surface}] is not a JSON object.", offset)
    for key, value in annotation.items():
        if key not in KEYS:
            raise MarkupError(
                f"the annotation of [{surface}] has the key '{key}'.",
                offset,
                f"Keys: {', '.join(KEYS)}.",
            )
        if isinstance(value, dict | list):
            raise MarkupError(f"the {key} of [{surface}] is not a text.", offset)
    entity = annotation.get("entity")
    if not isinstance(entity, str) or not entity.strip():
        raise MarkupError(f"the annotation of [{surface}] names no entity.", offset)
    value, role, group = (annotation.get(key) for key in ("value", "role", "group"))
    values = [surface if value is None else _text(value)]
    for text in (entity, *values, *(_text(v) for v in (role, group) if v is not None)):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise MarkupError(
                f"the annotation of [{surface}] holds half of a surrogate pair.", offset
            ) from None
    return ExampleEntity(
        start=start,
        end=start + len(surface),
        entity=entity,
        value=values[0],
        role=None if role is None else _text(role),
        group=None if group is None else _text(group),
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
