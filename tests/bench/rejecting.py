"""A threshold under which a sentence counts as none of the intents, chosen without such sentences.

Three times a third of the intents is hidden, and a third of the sentences of the others is kept
back: a model of the rest should know the latter and reject the former. The threshold is the one
with the best correlation over all three, the rejected weighing as much as the known.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from bot.project.project import Example
from nlu.decode import softmax
from training.evaluate import Answer
from training.publish import ask, make
from training.recipe import Recipe

REJECTED = "none of the intents"
FOLDS = 3
STEPS = np.linspace(0.02, 0.98, 97)

Heard = tuple[str, str, float]  # the right intent, the model's, and how sure it was


def threshold(examples: Sequence[Example], recipe: Recipe) -> float:
    """The confidence from which on an answer is given."""
    heard = [each for fold in range(FOLDS) for each in _fold(examples, recipe, fold)]
    outside = sum(right == REJECTED for right, _, _ in heard)
    weights = [
        (len(heard) - outside) / outside if right == REJECTED else 1.0 for right, _, _ in heard
    ]
    return float(max(STEPS, key=lambda step: correlation(decided(heard, step), weights)))


def decided(heard: Sequence[Heard], least: float) -> list[tuple[str, str]]:
    """Right and answered intents, those of which the model is less sure being rejected."""
    return [(right, said if sure >= least else REJECTED) for right, said, sure in heard]


def confidence(answer: Answer, temperature: float) -> float:
    """How sure the model is, 0 to 1."""
    return float(softmax(np.array(answer.logits) / temperature).max())


def correlation(pairs: Sequence[tuple[str, str]], weights: Sequence[float] = ()) -> float:
    """Matthews's, for many classes (Gorodkin 2004, Comparing two K-category assignments)."""
    right, said, both = defaultdict[str, float](float), defaultdict[str, float](float), 0.0
    for (wanted, given), weight in zip(pairs, weights or [1.0] * len(pairs), strict=True):
        right[wanted] += weight
        said[given] += weight
        both += weight * (wanted == given)
    total = sum(right.values())
    chance = sum(right[name] * said[name] for name in list(right))
    spread = [total**2 - sum(n**2 for n in counts.values()) for counts in (right, said)]
    return (both * total - chance) / math.sqrt(math.prod(spread)) if all(spread) else 0.0


def _fold(examples: Sequence[Example], recipe: Recipe, fold: int) -> list[Heard]:
    intents = sorted({example.intent for example in examples})
    random.Random(0).shuffle(intents)
    hidden = set(intents[fold::FOLDS])
    known = [example for example in examples if example.intent not in hidden]
    random.Random(0).shuffle(known)
    asked = known[fold::FOLDS]
    learnt = [example for index, example in enumerate(known) if index % FOLDS != fold]
    seen = {example.intent for example in learnt}
    asked = [example for example in asked if example.intent in seen]
    asked += [
        msgspec.structs.replace(example, intent=REJECTED)
        for example in examples
        if example.intent in hidden
    ]
    with tempfile.TemporaryDirectory() as scratch:
        made = make(learnt, recipe, Path(scratch))
    answers = ask(made.int8, asked, made.trained)
    return [
        (example.intent, answer.intent, confidence(answer, made.temperature))
        for example, answer in zip(asked, answers, strict=True)
    ]
