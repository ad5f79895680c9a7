"""CrossWOZ: Chinese travellers who plan a day in Beijing (Zhu and others 2020).

Its part for training could not be had, so the part for validation is split: the first 400 dialogues
to train on, the last 100 to choose by. A turn is a set of acts (intent, domain, slot, value). A
value that is informed or selected and stands in the turn is an entity; every other act is an intent
of the turn, and its label is all of them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.project.project import Example, ExampleEntity
from nlu.parse import Context

from .parts import Parts, path_of

SET = "crosswoz"
SPLIT = "+"  # between the intents of a turn
PART = "|"  # between intent, domain, slot and value in a name
NOTHING = "none"  # the label of a turn whose acts are all entities
TAGGED = ("Inform", "Select")
TRAINED = 400  # dialogues

Act = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a user said, and all that it meant."""

    example: Example
    acts: frozenset[Act]


def turns() -> tuple[list[Turn], list[Turn], list[Turn]]:
    """The user's turns to train on, to choose by, and to test."""
    own, test = _dialogues("val"), _dialogues("test")
    parts = own[:TRAINED], own[TRAINED:], test
    train, valid, tested = ([turn for told in part for turn in _turns(told)] for part in parts)
    return train, valid, tested


def acts() -> Parts:
    """The same as examples."""
    train, valid, test = ([turn.example for turn in part] for part in turns())
    return Parts(train, test, valid)


def texts() -> list[str]:
    """Everything that is said in the dialogues to train on, by both sides."""
    return [message["content"] for told in _dialogues("val")[:TRAINED] for message in told]


def meant(intent: str, entities: Sequence[tuple[str, str]]) -> frozenset[Act]:
    """The acts of a turn: of its label, and of entities as name and text."""
    found = [name.split(PART) for name in intent.split(SPLIT) if name != NOTHING]
    found += [[*name.split(PART), text] for name, text in entities]
    return frozenset((act[0], act[1], act[2], act[3]) for act in found)


def _dialogues(part: str) -> list[list[dict[str, Any]]]:
    content = gzip.decompress(path_of(SET, f"{part}.json.gz").read_bytes())
    return [told["messages"] for told in json.loads(content).values()]


def _turns(messages: Sequence[dict[str, Any]]) -> Iterator[Turn]:
    said = ""  # by the system
    for message in messages:
        if message["role"] == "usr":
            found = frozenset(_plain(act) for act in message["dialog_act"])
            yield Turn(_example(message["content"], found, said), found)
        said = message["content"]


def _plain(act: Sequence[str]) -> Act:
    intent, domain, slot, value = (part.replace(SPLIT, " ").replace(PART, " ") for part in act)
    return intent, domain, slot, value


def _example(text: str, found: frozenset[Act], said: str) -> Example:
    entities: list[ExampleEntity] = []
    names = []
    # The longest first, so that a name that contains another is not cut.
    for act in sorted(found, key=lambda act: (-len(act[3]), act)):
        place = _place(text, act, entities)
        if place < 0:
            names.append(PART.join(act))
        else:
            end = place + len(act[3])
            entities.append(ExampleEntity(place, end, PART.join(act[:3]), act[3]))
    return Example(
        text=text,
        intent=SPLIT.join(sorted(names)) or NOTHING,
        entities=tuple(sorted(entities, key=lambda entity: entity.start)),
        contexts=(Context(bot_text=said),) if said else (),
    )


def _place(text: str, act: Act, taken: Sequence[ExampleEntity]) -> int:
    """Where the act's value stands, beside what is ``taken``; -1 where it does not."""
    intent, _, _, value = act
    at = text.find(value) if intent in TAGGED and value else -1
    while at >= 0 and any(e.start < at + len(value) and at < e.end for e in taken):
        at = text.find(value, at + 1)
    return at
