"""RESTAURANTS-8K: what is said to book a table, and the slot that was asked for (Coope 2020)."""

from __future__ import annotations

import gzip
import json
from typing import Any

from bot.project.project import Example, ExampleEntity
from nlu.parse import Context

from .parts import Parts, path_of

SET = "restaurant8k"


def spans(halvings: int) -> Parts:
    """All 8,198 sentences halved ``halvings`` times (0 to 8) to train on, 3,731 to test.

    There are no intents: a sentence has a slot or it has none.
    """
    return Parts(_rows(f"train_{halvings}"), _rows("test"))


def _rows(part: str) -> list[Example]:
    rows = json.loads(gzip.decompress(path_of(SET, f"{part}.json.gz").read_bytes()))
    return [_example(row) for row in rows]


def _example(row: dict[str, Any]) -> Example:
    text = row["userInput"]["text"]
    found = []
    for label in row.get("labels", ()):
        span = label["valueSpan"]
        start, end = span.get("startIndex", 0), span["endIndex"]
        found.append(ExampleEntity(start, end, label["slot"], text[start:end]))
    asked = sorted(set(row.get("context", {}).get("requestedSlots", ())))
    return Example(
        text=text,
        intent="inform" if found else "other",
        entities=tuple(sorted(found, key=lambda entity: entity.start)),
        contexts=tuple(Context(requested_slot=" ".join(asked)) for _ in asked[:1]),
    )
