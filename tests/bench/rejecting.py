"""A threshold under which a sentence counts as none of the intents, chosen without such sentences.

The model that was trained without what is kept back is asked that, once as it is, and once as if
its own intents were unknown, which makes strangers of it (`training.scope`). A threshold is best
when its correlation is, strangers weighing as much as the others. Which one that is of so few
sentences is chance, so it is looked for in many draws of them and the mean is taken (Breiman 1996,
Bagging predictors).
"""

from __future__ import annotations

import math
import random
import statistics
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from nlu.decode import softmax
from training.evaluate import Answer
from training.make import Made
from training.recipe import Recipe
from training.scope import fit_scope, read_all

REJECTED = "none of the intents"
STEPS = np.linspace(0.02, 0.98, 97)
DRAWS = 40

Heard = tuple[str, str, float]  # the right intent, the model's, and how sure it was


def threshold(made: Made, recipe: Recipe) -> float:
    """The confidence from which on an answer is given."""
    apart = made.apart or made
    intents = apart.trained.labels.intents
    fitted = fit_scope(
        *(read_all(apart.int8, some, intents) for some in (apart.fitting, apart.kept_back)),
        intents,
        share=recipe.out_of_scope,
        temperature=apart.temperature,
        seed=recipe.seed,
    )
    assert fitted is not None  # these bots have more than two intents
    known: list[Heard] = [
        (example.intent, example.intent if right else "another", float(sure))
        for example, right, sure in zip(apart.kept_back, fitted.right, fitted.sure, strict=True)
    ]
    strangers: list[Heard] = [(REJECTED, "another", float(sure)) for sure in fitted.outside]
    rng = random.Random(recipe.seed)
    draws = (
        (rng.choices(known, k=len(known)), rng.choices(strangers, k=len(strangers)))
        for _ in range(DRAWS)
    )
    return statistics.mean(best(*draw) for draw in draws)


def best(known: Sequence[Heard], strangers: Sequence[Heard]) -> float:
    """The threshold that tells ``known`` from ``strangers`` best, both sides weighing alike."""
    weights = [1.0] * len(known) + [len(known) / len(strangers)] * len(strangers)
    heard = [*known, *strangers]
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
