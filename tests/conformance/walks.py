"""Conversations that nobody recorded: walks over what a project's users may say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from bot.dialogue.domain import DEFAULT_INTENTS, Domain, Slot
from tests.transcripts.golden import Recording, body_of

SHORTEST, LONGEST = 5, 14
ODD_TEXTS = ("no idea", "42", "yes please", "/unknown", "/", "/greet{", '/inform{"x": 1}', "?")
UNEQUAL = ("/tracker_echo",)  # what an action is shown differs: see differences.py
ODD_VALUES: tuple[Any, ...] = (None, "", 0, 1, 2.5, True, False, "true", "Rome", ["a", "b"], [])


def walk(recording: Recording, domain: Domain, seed: int) -> list[dict[str, Any]]:
    """What is posted, message by message: the beginning of a recording, then anything."""
    random = Random(f"{recording.name}:{seed}")
    told = [_said(each) for each in recording.told()]
    vocabulary = [body for said in told for body in said]
    start = random.choice(told)
    steps = start[: random.randrange(0, len(start) + 1)] if random.random() < 0.6 else []
    while len(steps) < random.randint(SHORTEST, LONGEST):
        steps.append(_next(vocabulary, domain, random))
    return steps


def _said(conversation: dict[str, Any]) -> list[dict[str, Any]]:
    said = [body_of(step) for step in conversation["steps"] if "user" in step]
    return [body for body in said if body["message"] not in UNEQUAL]


def _next(vocabulary: Sequence[dict[str, Any]], domain: Domain, random: Random) -> dict[str, Any]:
    kind = random.random()
    if kind < 0.6:
        return dict(random.choice(vocabulary))
    if kind < 0.93:
        return {"message": _payload(domain, random)}
    return {"message": random.choice(ODD_TEXTS)}


def _payload(domain: Domain, random: Random) -> str:
    intents = [*domain.intents, *domain.intents, *DEFAULT_INTENTS]
    intent = random.choice(intents)
    count = random.choice((0, 0, 1, 1, 2))
    names = random.sample(sorted(domain.entities), min(count, len(domain.entities)))
    if not names:
        return f"/{intent}"
    values = {name: _value(domain.slots.get(name), random) for name in names}
    return f"/{intent}{json.dumps(values)}"


def _value(slot: Slot | None, random: Random) -> Any:
    if slot is not None and slot.values and random.random() < 0.7:
        return random.choice(slot.values)
    return random.choice(ODD_VALUES)
