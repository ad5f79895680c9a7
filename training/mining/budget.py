"""So many looks and no more: which of what the miners found is worth them.

Part of the budget is drawn at random, so that what people say of it holds for all that is written;
the rest goes to what the miners think most of, spread over what it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.review.item import Share
from training.mining.seen import Float32


@dataclass(frozen=True, slots=True)
class Split:
    """Parts of the budget, together 1."""

    random: float = 0.2
    uncertain: float = 0.5
    suspects: float = 0.3

    def counts(self, budget: int) -> tuple[int, int, int]:
        """How many of each."""
        random, suspects = round(budget * self.random), round(budget * self.suspects)
        suspects = min(suspects, budget - random)
        return random, budget - random - suspects, suspects


def spread(
    scores: npt.NDArray[np.floating],
    vectors: Float32,
    most: int,
    *,
    chosen: Sequence[int] = (),
) -> list[int]:
    """At most ``most`` places with high scores that are unlike each other.

    Each next one is what scores most, less the more it is like one that was taken: near-duplicates
    of what is ``chosen`` count nothing. Places that score 0 are not taken.
    """
    value = np.asarray(scores, np.float64).copy()
    new = np.ones(len(value))
    taken: list[int] = []
    for place in chosen:
        new = np.minimum(new, 1 - vectors @ vectors[place])
        value[place] = 0.0
    while len(taken) < most and len(value):
        worth = value * np.clip(new, 0.0, 1.0)
        best = int(worth.argmax())
        if worth[best] <= 0:
            break
        taken.append(best)
        value[best] = 0.0
        new = np.minimum(new, 1 - vectors @ vectors[best])
    return taken


def at_random(count: int, most: int, seed: int) -> list[int]:
    """``most`` of ``count`` places, each as likely."""
    order = np.random.default_rng(seed).permutation(count)
    return [int(place) for place in order[:most]]


def drawn(
    scores: npt.NDArray[np.floating],
    vectors: Float32,
    *,
    random: int,
    uncertain: int,
    seed: int,
) -> list[tuple[int, Share]]:
    """Places drawn at random, then those that score, then at random again what is left over."""
    first = at_random(len(vectors), random, seed)
    rest = spread(scores, vectors, uncertain, chosen=first)
    found: list[tuple[int, Share]] = [(place, "random") for place in first]
    found += [(place, "uncertain") for place in rest]
    left = random + uncertain - len(found)
    known = {place for place, _ in found}
    more = [place for place in at_random(len(vectors), len(vectors), seed) if place not in known]
    return found + [(place, "random") for place in more[: max(left, 0)]]
