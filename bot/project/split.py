"""Labelled sentences dealt into those to learn from and those to test with."""

from __future__ import annotations

import random
from collections.abc import Iterable

import msgspec

from bot.project.project import Example, NluData


def split(data: NluData, *, fraction: float, seed: int) -> tuple[NluData, NluData]:
    """``fraction`` of each intent's examples to learn from, at least one, and the rest.

    What helps to understand them, such as synonyms and lookups, goes with those to learn from.
    """
    rng = random.Random(seed)
    learnt: set[int] = set()
    for places in _by_intent(data.examples):
        count = max(1, round(len(places) * fraction))
        learnt.update(rng.sample(places, count))
    parts = [
        tuple(example for at, example in enumerate(data.examples) if (at in learnt) is wanted)
        for wanted in (True, False)
    ]
    return msgspec.structs.replace(data, examples=parts[0]), NluData(examples=parts[1])


def _by_intent(examples: Iterable[Example]) -> Iterable[list[int]]:
    places: dict[str, list[int]] = {}
    for at, example in enumerate(examples):
        places.setdefault(example.intent, []).append(at)
    return places.values()
