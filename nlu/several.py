"""Messages with several intents at once: ``greet+ask_weather`` of the intents it is made of.

Each intent is in a message or not, whatever the others are; so a message may be understood as a
combination that no example had. The ranking is of combinations, as Rasa writes them.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nlu.parse import Intent

Floats = npt.NDArray[np.floating[Any]]

EVERY = 100  # of combinations without number, so many are all
MOST_LOGIT = 50.0


@dataclass(frozen=True)
class Several:
    """The intents a message may have, and what their combinations are called.

    ``intents`` are in the order in which a new combination names them; ``combinations`` are names
    that the project knows; ``split`` stands between the intents of a name.
    """

    intents: tuple[str, ...]
    combinations: tuple[str, ...]
    split: str

    def ranking(self, logits: Floats, *, most: int = 10) -> tuple[Intent, ...]:
        """The likeliest combinations, with the probability of each that it is the whole truth.

        Args:
            logits: One per intent, calibrated: 0 is as likely in the message as not.
            most: 0 gives ``EVERY`` of them.

        What is left to 1 is that of the others, and that none of the intents is in the message.
        """
        numbers = np.nan_to_num(np.clip(logits, -MOST_LOGIT, MOST_LOGIT)).astype(np.float64)
        likeliest = frozenset(np.flatnonzero(numbers > 0).tolist())
        whole = math.exp(-np.log1p(np.exp(-np.abs(numbers))).sum())
        found: list[Intent] = []
        for cost, changed in _changes(np.abs(numbers).tolist()):
            if members := likeliest ^ changed:
                found.append(Intent(self.name(members), whole * math.exp(-cost)))
            if len(found) >= (most or EVERY):
                break
        return tuple(found)

    def name(self, members: frozenset[int]) -> str:
        """What the combination of these columns is called."""
        known = self._names.get(members)
        return known or self.split.join(self.intents[column] for column in sorted(members))

    def members(self, name: str) -> frozenset[int]:
        """The columns of the intents in ``name``."""
        return frozenset(self._columns[part] for part in parts_of(name, self.split))

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {name: column for column, name in enumerate(self.intents)}

    @cached_property
    def _names(self) -> dict[frozenset[int], str]:
        return {self.members(name): name for name in reversed(self.combinations)}


def parts_of(name: str, split: str) -> list[str]:
    """The intents in the name of a combination, each once; of nothing, none."""
    parts = [part for part in name.split(split) if part] or [name]
    return list(dict.fromkeys(parts)) if name else []


def _changes(costs: Sequence[float]) -> Iterator[tuple[float, frozenset[int]]]:
    """Sets of columns by what all of them cost together, the cheapest first, the empty one before.

    Each set but the empty one comes of one other: its dearest column is exchanged for the next, or
    the next is added (Lawler 1972, A procedure for computing the k best solutions).
    """
    yield 0.0, frozenset()
    order = sorted(range(len(costs)), key=lambda column: costs[column])
    waiting: list[tuple[float, tuple[int, ...]]] = [(costs[order[0]], (0,))] if order else []
    while waiting:
        cost, places = heapq.heappop(waiting)
        yield cost, frozenset(order[place] for place in places)
        last = places[-1]
        if last + 1 < len(order):
            more = costs[order[last + 1]]
            heapq.heappush(waiting, (cost + more, (*places, last + 1)))
            without = cost - costs[order[last]]
            heapq.heappush(waiting, (without + more, (*places[:-1], last + 1)))
