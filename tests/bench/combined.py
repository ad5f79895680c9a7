"""Scores of messages with several intents: micro F1 of the intents, strict F1 of the slots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.project.project import Example
from nlu.several import Several, parts_of
from training.evaluate import Answer, score


def figures(
    examples: Sequence[Example],
    answers: Sequence[Answer],
    *,
    split: str,
    several: Several | None,
    temperature: float,
) -> dict[str, float]:
    """In percent. An intent is given where it is likelier than not; a message may have none.

    Without ``several`` each label was a class of its own, and the likeliest is taken apart.
    """
    hit = given = wanted = whole = 0
    for example, answer in zip(examples, answers, strict=True):
        right = set(parts_of(example.intent, split))
        said = _said(answer, split, several, temperature)
        hit += len(right & said)
        given += len(said)
        wanted += len(right)
        whole += right == said
    return {
        "intent F1": 200 * hit / max(given + wanted, 1),
        "slot F1": 100 * score(examples, answers).entities.f1,
        "all intents right": 100 * whole / len(examples),
    }


def _said(answer: Answer, split: str, several: Several | None, temperature: float) -> set[str]:
    if several is None:
        return set(parts_of(answer.intent, split))
    likely = np.flatnonzero(np.array(answer.logits) / temperature > 0)
    return {several.intents[column] for column in likely.tolist()}
