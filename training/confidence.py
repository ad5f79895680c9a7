"""What a model's confidences mean, fitted on the graph that is served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bot.project.project import Example
from nlu.decode import softmax
from nlu.model import Model
from nlu.scope import Scope
from training.calibration import Thresholds, fit_temperature
from training.dataset import Labels
from training.evaluate import Answer
from training.multi_label import each_apart
from training.recipe import Recipe
from training.scope import Fitted, Readings, fit_scope, outside_intent, place, read_all

MOST_READ = 6000  # training sentences, of large sets


@dataclass(frozen=True, slots=True)
class Confidence:
    """What divides the logits, what is in scope, and which thresholds suit both."""

    temperature: float
    scope: Scope | None = None
    thresholds: Thresholds | None = None

    def of(self, said: Answer, labels: Labels) -> float:
        """The probability of the intent that was answered."""
        logits = np.array(said.logits) / self.temperature
        if labels.several:
            ranked = labels.several.ranking(logits, most=1)
            return ranked[0].confidence
        shares, names = softmax(logits), labels.intents
        share = said.inside * float(shares[names.index(said.intent)])
        meant = said.intent.partition("/")[0] == outside_intent(names)
        return share + 1 - said.inside if meant else share

    def moved(
        self, model: Model, examples: Sequence[Example], labels: Labels, recipe: Recipe
    ) -> Confidence:
        """The same for ``model``, which has learnt ``examples``, those this was fitted on too.

        Intents lie where that model has them; what their distances mean is as it was found.
        """
        if self.scope is None:
            return self
        learnt = read_all(model, some(examples, recipe), labels.intents)
        there = place(learnt, self.scope.known, np.random.default_rng(recipe.seed))
        mine = self.scope
        scope = replace(
            there, mean=mine.mean, scale=mine.scale, weights=mine.weights, bias=mine.bias
        )
        return replace(self, scope=scope)


def fit_confidence(
    model: Model,
    fitting: Sequence[Example],
    kept_back: Sequence[Example],
    labels: Labels,
    recipe: Recipe,
) -> Confidence:
    """The confidence of ``model``, which learnt ``fitting`` and has not seen ``kept_back``.

    Of messages with several intents none is out of scope: they may have no intent at all.
    """
    kept, smoothing = read_all(model, kept_back, labels.intents), recipe.label_smoothing
    if several := labels.several:
        members = [several.members(labels.intents[column]) for column in kept.columns]
        return Confidence(fit_temperature(*each_apart(kept.logits, members), smoothing=smoothing))
    temperature = fit_temperature(kept.logits, kept.columns, smoothing=smoothing)
    fitted = _scope(model, fitting, kept, labels, recipe, temperature)
    return (
        Confidence(temperature, fitted.scope, fitted.thresholds)
        if fitted
        else Confidence(temperature)
    )


def _scope(
    model: Model,
    fitting: Sequence[Example],
    kept_back: Readings,
    labels: Labels,
    recipe: Recipe,
    temperature: float,
) -> Fitted | None:
    if not recipe.out_of_scope:
        return None
    return fit_scope(
        read_all(model, some(fitting, recipe), labels.intents),
        kept_back,
        labels.intents,
        share=recipe.out_of_scope,
        temperature=temperature,
        seed=recipe.seed,
    )


def some(examples: Sequence[Example], recipe: Recipe) -> list[Example]:
    """As many of ``examples`` as there is time to read."""
    chosen = np.random.default_rng(recipe.seed).permutation(len(examples))[:MOST_READ]
    return [examples[i] for i in sorted(chosen)]
