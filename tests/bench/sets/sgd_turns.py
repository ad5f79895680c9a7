"""Schema-Guided Dialogue: what users said, by what they want and the slots they named.

Dialogues with one service, of the part `train` (Rastogi and others 2019, arXiv 1909.05855), split
by the dialogue's number modulo 10 as in `sgd`. A turn that tells its intent has that one
(`FindRestaurants`); what a single sentence cannot tell of has its first dialogue act (`inform`,
`affirm`, `select`).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

from bot.project.project import Example, ExampleEntity
from nlu.parse import Context

from .multidogo import EARLIER
from .parts import Parts, path_of
from .sgd import PARTS

# Of a turn's acts the first of these counts: INFORM goes with most, THANK_YOU with a refusal.
ACTS = (
    *("AFFIRM_INTENT", "NEGATE_INTENT", "REQUEST_ALTS", "SELECT", "REQUEST"),
    *("AFFIRM", "NEGATE", "INFORM", "GOODBYE", "THANK_YOU"),
)


def parts() -> Parts:
    """The turns of users; of each part the dialogues in the order of the file."""
    found: dict[str, list[Example]] = {part: [] for part in PARTS}
    with gzip.open(path_of("sgd", "train.jsonl.gz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            dialogue = json.loads(line)
            number = int(dialogue["dialogue_id"].rpartition("_")[2]) % 10
            part = next(part for part, numbers in PARTS.items() if number in numbers)
            found[part] += _examples(dialogue["turns"])
    return Parts(**found)


def _examples(turns: list[dict[str, Any]]) -> Iterator[Example]:
    before: list[str] = []
    for turn in turns:
        if turn["speaker"] == "USER":
            (frame,) = turn["frames"]
            text = turn["utterance"]
            yield Example(
                text=text,
                intent=_intent(frame["actions"]),
                entities=tuple(_entities(text, frame["slots"])),
                contexts=(Context(earlier=tuple(before[-EARLIER:][::-1])),),
            )
            before.append(text)


def _intent(acts: list[dict[str, Any]]) -> str:
    told = [act["values"][0] for act in acts if act["act"] == "INFORM_INTENT"]
    names = {act["act"] for act in acts}
    return told[0] if told else next(act.lower() for act in ACTS if act in names)


def _entities(text: str, slots: list[dict[str, Any]]) -> Iterator[ExampleEntity]:
    for slot in sorted(slots, key=lambda slot: slot["start"]):
        start, end = slot["start"], slot["exclusive_end"]
        yield ExampleEntity(start, end, slot["slot"], text[start:end])
