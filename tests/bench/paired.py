"""Scores of turns, and their difference between two models, with intervals over conversations.

Turns of one conversation are alike, so that a bootstrap draws whole conversations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bot.project.project import Example, ExampleEntity
from nlu.parse import Entity
from training.evaluate import Answer

RESAMPLES = 2000

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Said:
    """A turn of a conversation with what is right of it, and what a model said."""

    conversation: str
    example: Example
    answer: Answer


def scored(said: Sequence[Said]) -> dict[str, Any]:
    """Percent, and the 95 % interval of each."""
    return _told(_scores(_counts(said), _draws(said)))


def difference(one: Sequence[Said], other: Sequence[Said]) -> dict[str, Any]:
    """``one`` less ``other``, of the same turns in the same order; in points."""
    draws = _draws(one)
    first, second = _scores(_counts(one), draws), _scores(_counts(other), draws)
    return _told({name: first[name] - second[name] for name in first})


def _draws(said: Sequence[Said]) -> Floats:
    """How often each conversation is drawn, (1 + resamples, conversations); first all once."""
    count = len({each.conversation for each in said})
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return np.vstack([np.ones((1, count)), drawn])


def _counts(said: Sequence[Said]) -> dict[str, Floats]:
    """Sums of every conversation: its turns, by intent what is right, expected and answered, and
    entities found, expected and answered."""
    places = {name: at for at, name in enumerate(dict.fromkeys(one.conversation for one in said))}
    intents = {name: at for at, name in enumerate(sorted({one.example.intent for one in said}))}
    by_intent = np.zeros((3, len(places), len(intents)))
    entities = np.zeros((3, len(places)))
    turns = np.zeros(len(places))
    for one in said:
        at, right, told = places[one.conversation], one.example.intent, one.answer.intent
        turns[at] += 1
        by_intent[1, at, intents[right]] += 1
        by_intent[0, at, intents[right]] += right == told
        if told in intents:
            by_intent[2, at, intents[told]] += 1
        want, got = _spans(one.example.entities), _spans(one.answer.entities)
        entities[:, at] += len(want & got), len(want), len(got)
    return {"turns": turns, "intents": by_intent, "entities": entities}


def _scores(counts: dict[str, Floats], draws: Floats) -> dict[str, Floats]:
    hit, expected, answered = (draws @ part for part in counts["intents"])
    there = expected > 0
    f1 = np.where(there, 2 * hit / np.maximum(expected + answered, 1), 0.0)
    found, right, told = (draws @ part for part in counts["entities"])
    return {
        "intents": hit.sum(axis=1) / (draws @ counts["turns"]),
        "macro_f1": f1.sum(axis=1) / there.sum(axis=1),
        "entity_f1": 2 * found / np.maximum(right + told, 1),
    }


def _told(scores: dict[str, Floats]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, values in scores.items():
        low, high = np.quantile(values[1:], (0.025, 0.975))
        told[name] = round(100 * float(values[0]), 1)
        told[f"{name}_interval"] = [round(100 * float(low), 1), round(100 * float(high), 1)]
    return told


def _spans(entities: Sequence[Entity | ExampleEntity]) -> set[tuple[int, int, str]]:
    return {(one.start, one.end, one.entity) for one in entities}
