"""The order in which people are asked: however soon they stop, what they labelled is a fair part of
each kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from bot.review.item import ReviewItem

FIRST = ("uncertain", "random", "suspect", "asked")  # of kinds that are as far as each other


def mixed(items: Sequence[ReviewItem]) -> list[ReviewItem]:
    """``items`` with the priority that each has: kinds take turns, each as often as it has items.

    Of a kind the order stays. The ``k``-th of ``n`` comes when ``(k - 1/2) / n`` of all have come,
    as in apportionment by Webster's rule, so a beginning of any length holds each kind in
    proportion. The same items in the same order always get the same priorities.
    """
    kinds: dict[str, list[ReviewItem]] = defaultdict(list)
    for item in items:
        kinds[item.share].append(item)
    places = [
        ((at + 0.5) / len(some), FIRST.index(kind), item)
        for kind, some in kinds.items()
        for at, item in enumerate(some)
    ]
    ordered = [item for _, _, item in sorted(places, key=lambda place: place[:2])]
    return [
        msgspec.structs.replace(item, priority=1 - (at + 1) / (len(ordered) + 1))
        for at, item in enumerate(ordered)
    ]
