"""How well a model knows what has none of its intents, by the confidences it is served with.

    AUROC   the chance that a sentence in scope is surer than one out of scope
    FPR95   of those out of scope, how many pass where 95 % of those in scope do
    recall  of those out of scope, how many are rejected by the highest threshold that leaves 95 %
            of those in scope with their right intent; once with that threshold read off the test
            (as curves are compared), once chosen on sentences to validate on
    ECE     how far confidences are from how often they are right, the strangers always wrong

All in percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rejecting import confidence

from bot.project.project import Example
from training.calibration import calibration
from training.evaluate import Answer
from training.make import Made

LEAST = 0.95  # of the sentences in scope

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """How sure a model was of sentences in scope (and whether rightly), and of strangers."""

    sure: Floats
    right: npt.NDArray[np.bool_]
    strangers: Floats

    @classmethod
    def of(
        cls,
        examples: Sequence[Example],
        answers: Sequence[Answer],
        strangers: Sequence[Answer],
        made: Made,
    ) -> Heard:
        """What ``made`` answered."""
        return cls(
            np.array([confidence(each, made.temperature) for each in answers]),
            np.array([e.intent == a.intent for e, a in zip(examples, answers, strict=True)]),
            np.array([confidence(each, made.temperature) for each in strangers]),
        )


def figures(test: Heard, valid: Heard | None = None) -> dict[str, float]:
    """The figures of ``test``; at a chosen threshold too, where there is one to choose on."""
    least = highest_threshold(test)
    found = {
        "OOS AUROC": 100 * auroc(test),
        "OOS FPR95": 100 * float((test.strangers >= np.quantile(test.sure, 0.05)).mean()),
        "OOS recall, in-scope 95": 100 * float((test.strangers < least).mean()),
    }
    if valid:
        chosen = highest_threshold(valid)
        kept = float((test.right & (test.sure >= chosen)).mean())
        found["OOS recall, threshold chosen"] = 100 * float((test.strangers < chosen).mean())
        found["in-scope, threshold chosen"] = 100 * kept
    together = np.r_[test.sure, test.strangers]
    wrong = np.zeros(len(test.strangers), bool)
    ece = calibration(together.tolist(), np.r_[test.right, wrong].tolist()).ece
    return found | {
        "ECE, in scope": 100 * calibration(test.sure.tolist(), test.right.tolist()).ece,
        "ECE, with strangers": 100 * ece,
    }


def auroc(heard: Heard) -> float:
    """By ranks (Mann and Whitney), ties half."""
    below = np.searchsorted(np.sort(heard.strangers), heard.sure, side="left")
    upto = np.searchsorted(np.sort(heard.strangers), heard.sure, side="right")
    return float((below + upto).sum() / 2 / (len(heard.sure) * len(heard.strangers)))


def highest_threshold(heard: Heard) -> float:
    """The most that leaves ``LEAST`` of the sentences in scope with their right intent; 0 where
    fewer are right."""
    needed = int(np.ceil(LEAST * len(heard.right)))
    ordered = np.sort(heard.sure[heard.right])[::-1]
    return float(ordered[needed - 1]) if len(ordered) >= needed else 0.0
