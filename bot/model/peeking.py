"""Whether one of two shares is worse, looked at as often as one likes.

Johari, Koomen, Pekelis and Walsh (2017, "Peeking at A/B Tests"): the likelihood of a difference
drawn from a normal distribution, against that of none, passes 1 / alpha with a probability of at
most alpha where there is none, whenever one looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

ALPHA = 0.05
SPREAD = 0.1  # of the differences that are looked for
FEWEST = 20  # of each, before anything is said


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    bad: int
    all: int

    @property
    def rate(self) -> float:
        """From 0 to 1, of none a half: one is thought to be added to either side."""
        return (self.bad + 1) / (self.all + 2)


def is_worse(new: Share, old: Share) -> bool:
    """Whether ``new`` has a larger share of the bad than ``old``, beyond chance."""
    if min(new.all, old.all) < FEWEST or new.rate <= old.rate:
        return False
    return evidence(new, old) >= 1 / ALPHA


def evidence(new: Share, old: Share) -> float:
    """How many times likelier the two are if they differ, to at most 1e300."""
    both = Share(new.bad + old.bad, new.all + old.all).rate
    variance = both * (1 - both) * (1 / new.all + 1 / old.all)
    spread = SPREAD**2
    exponent = spread * (new.rate - old.rate) ** 2 / (2 * variance * (variance + spread))
    return math.sqrt(variance / (variance + spread)) * math.exp(min(exponent, 690.0))
