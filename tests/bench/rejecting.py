"""A threshold under which a sentence counts as none of the intents, chosen without such sentences.

A model of two thirds of the training sentences is asked the rest, once as they are, and once as if
their own intents were unknown to it, which makes strangers of them (`training.scope`). The
threshold is the one with the best correlation, strangers weighing as much as the others.
"""

from __future__ import annotations

import math
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from bot.project.project import Example
from nlu.decode import softmax
from training.evaluate import Answer
from training.publish import make
from training.recipe import Recipe
from training.scope import fit_scope, read_all

REJECTED = "none of the intents"
ASKED = 1 / 3  # of the training sentences
STEPS = np.linspace(0.02, 0.98, 97)

Heard = tuple[str, str, float]  # the right intent, the model's, and how sure it was


def threshold(examples: Sequence[Example], recipe: Recipe) -> float:
    """The confidence from which on an answer is given."""
    with tempfile.TemporaryDirectory() as scratch:
        made = make(examples, msgspec.structs.replace(recipe, holdout=ASKED), Path(scratch))
    intents = made.trained.labels.intents
    fitted = fit_scope(
        *(read_all(made.int8, some, intents) for some in (made.fitting, made.kept_back)),
        intents,
        share=recipe.out_of_scope,
        temperature=made.temperature,
        seed=recipe.seed,
    )
    assert fitted is not None  # these bots have more than two intents
    known = [
        (example.intent, example.intent if right else "another", float(sure))
        for example, right, sure in zip(made.kept_back, fitted.right, fitted.sure, strict=True)
    ]
    strangers = [(REJECTED, "another", float(sure)) for sure in fitted.outside]
    weights = [1.0] * len(known) + [len(known) / len(strangers)] * len(strangers)
    heard = known + strangers
    return float(max(STEPS, key=lambda step: correlation(decided(heard, step), weights)))


def decided(heard: Sequence[Heard], least: float) -> list[tuple[str, str]]:
    """Right and answered intents, those of which the model is less sure being rejected."""
    return [(right, said if sure >= least else REJECTED) for right, said, sure in heard]


def confidence(answer: Answer, temperature: float) -> float:
    """How sure the model is, 0 to 1: that it is this intent, and any intent at all."""
    return answer.inside * float(softmax(np.array(answer.logits) / temperature).max())


def correlation(pairs: Sequence[tuple[str, str]], weights: Sequence[float] = ()) -> float:
    """Matthews's, for many classes (Gorodkin 2004, Comparing two K-category assignments)."""
    right, said, both = defaultdict[str, float](float), defaultdict[str, float](float), 0.0
    for (wanted, given), weight in zip(pairs, weights or [1.0] * len(pairs), strict=True):
        right[wanted] += weight
        said[given] += weight
        both += weight * (wanted == given)
    total = sum(right.values())
    chance = sum(count * said[name] for name, count in list(right.items()))
    spread = [total**2 - sum(n**2 for n in counts.values()) for counts in (right, said)]
    return (both * total - chance) / math.sqrt(math.prod(spread)) if all(spread) else 0.0
