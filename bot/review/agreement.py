"""How far people agree with each other on what they both looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

import msgspec

from bot.review.item import Opinion, ReviewItem


class Agreement(msgspec.Struct, frozen=True):
    """Of ``items`` that two people or more looked at: the share of pairs that say the same, and
    Cohen's kappa, which takes away what they would by chance. None where there is no pair, or
    chance alone would have them agree."""

    items: int
    pairs: int
    rate: float | None
    kappa: float | None


class Pair(msgspec.Struct, frozen=True):
    """Two people's agreement."""

    one: str
    other: str
    agreement: Agreement


def agreement(items: Iterable[ReviewItem]) -> tuple[Agreement, tuple[Pair, ...]]:
    """Of all people together, and of each two of them by their names."""
    said: dict[tuple[str, str], list[tuple[str, str]]] = {}
    count = 0
    for item in items:
        people = sorted(
            (one for one in item.opinions if one.kind == "person"), key=lambda one: one.reviewer
        )
        count += len(people) > 1
        for one, other in combinations(people, 2):
            said.setdefault((one.reviewer, other.reviewer), []).append((_label(one), _label(other)))
    pairs = tuple(
        Pair(one, other, _agreement(both, len(both))) for (one, other), both in sorted(said.items())
    )
    return _agreement([each for both in said.values() for each in both], count), pairs


def _label(opinion: Opinion) -> str:
    return opinion.intent or "out of scope"


def _agreement(both: Sequence[tuple[str, str]], items: int) -> Agreement:
    if not both:
        return Agreement(items, 0, None, None)
    rate = sum(one == other for one, other in both) / len(both)
    return Agreement(items, len(both), round(rate, 4), _kappa(both, rate))


def _kappa(both: Sequence[tuple[str, str]], rate: float) -> float | None:
    """Cohen 1960: (p - e) / (1 - e), e the agreement of two who label at random as often."""
    first, second = Counter(one for one, _ in both), Counter(other for _, other in both)
    chance = sum(first[label] * second[label] for label in first) / len(both) ** 2
    return None if chance >= 1 else round((rate - chance) / (1 - chance), 4)
