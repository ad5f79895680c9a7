"""So many looks and no more: which of what the miners found is worth them.

Part of the budget is drawn at random, so that what people say of it holds for all that is written;
the rest goes to what settles most of the doubt about everything that is written.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bot.review.item import Share
from training.mining.seen import Float32

HOLDS = 0.95  # how likely an answer for one turn is right for another of the same words
SHARP = 16  # how fast that falls where words differ
LOOKED_AT = 4000  # turns that may be asked, and that doubt is about: 64 MB of likelihoods


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


def settling(
    doubts: npt.NDArray[np.floating],
    vectors: Float32,
    most: int,
    *,
    chosen: Sequence[int] = (),
) -> list[int]:
    """At most ``most`` places, those whose answers settle most of the doubt about all of them.

    What a person says of one turn holds for another with the likelihood HOLDS times the SHARP-th
    power of their cosine: so a frequent wording is asked before a rare one, and more than once
    before all rests on one answer, as one wording may mean several things. Each next place is the
    one that leaves least doubt; such a choice reaches 63 % of the best at least (Nemhauser and
    others 1978, greedy choice for a submodular sum).

    Args:
        doubts: Of each turn, 0 to 1. vectors: (turns, hidden), of length 1.
        chosen: Places that are asked already. They are not taken again.
    """
    others = at_random(len(doubts), LOOKED_AT, 0)
    left = doubts[others].astype(np.float32)
    for begin in range(0, len(chosen), LOOKED_AT):
        left *= (1 - _holds(vectors, others, chosen[begin : begin + LOOKED_AT])).prod(axis=1)
    known = set(chosen)
    order = [int(place) for place in np.argsort(-doubts, kind="stable") if doubts[place] > 0]
    free = [place for place in order if place not in known][:LOOKED_AT]
    holds = _holds(vectors, others, free)
    is_free = np.ones(len(free), bool)
    taken: list[int] = []
    while len(taken) < min(most, len(free)):
        best = int(np.where(is_free, left @ holds, -1.0).argmax())
        taken.append(free[best])
        is_free[best] = False
        left *= 1 - holds[:, best]
    return taken


def _holds(vectors: Float32, others: Sequence[int], asked: Sequence[int]) -> Float32:
    """How likely an answer for each of ``asked`` holds for each of ``others``."""
    cosines = np.clip(vectors[others] @ vectors[asked].T, 0.0, 1.0)
    holds: Float32 = (HOLDS * cosines**SHARP).astype(np.float32)
    return holds


def at_random(count: int, most: int, seed: int) -> list[int]:
    """``most`` of ``count`` places, each as likely."""
    order = np.random.default_rng(seed).permutation(count)
    return [int(place) for place in order[:most]]


def drawn(
    doubts: npt.NDArray[np.floating],
    vectors: Float32,
    *,
    random: int,
    uncertain: int,
    seed: int,
    asked: Collection[int] = (),
) -> list[tuple[int, Share]]:
    """Places drawn at random, then those that settle doubt, then at random again what is left over.

    None of them was ``asked`` before.
    """
    before = set(asked)
    order = [place for place in at_random(len(doubts), len(doubts), seed) if place not in before]
    first = order[:random]
    rest = settling(doubts, vectors, uncertain, chosen=[*sorted(before), *first])
    found: list[tuple[int, Share]] = [(place, "random") for place in first]
    found += [(place, "uncertain") for place in rest]
    known = {place for place, _ in found}
    more = [place for place in order if place not in known]
    return found + [(place, "random") for place in more[: random + uncertain - len(found)]]
