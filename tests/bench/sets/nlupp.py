"""NLU++: turns of banking and of hotels with any number of intents (Casanueva and others 2022)."""

from __future__ import annotations

import json
from typing import Any

from bot.project.project import Example, ExampleEntity

from .parts import Parts, path_of

SET = "nlupp"
DOMAINS = ("banking", "hotels")
FOLDS = 20
SPLIT = "+"  # between the intents of a turn


def fold(domain: str, number: int) -> Parts:
    """The protocol with the fewest sentences: one fold to train on, the nineteen others to test."""
    return Parts(
        train=_rows(domain, number),
        test=[row for other in range(FOLDS) if other != number for row in _rows(domain, other)],
    )


def tuning(domain: str, number: int) -> Parts:
    """A fold to train on and the next one to validate on; nothing to test."""
    return Parts(_rows(domain, number), test=[], valid=_rows(domain, (number + 1) % FOLDS))


def _rows(domain: str, number: int) -> list[Example]:
    path = path_of(SET, domain, f"fold{number}.json")
    return [_example(row) for row in json.loads(path.read_bytes())]


def _example(row: dict[str, Any]) -> Example:
    slots = row.get("slots", {}).items()
    entities = [
        ExampleEntity(*found["span"], entity=name, value=found["text"]) for name, found in slots
    ]
    return Example(
        text=row["text"],
        intent=SPLIT.join(sorted(row.get("intents", []))),  # empty where it has none
        entities=tuple(sorted(entities, key=lambda entity: entity.start)),
    )
