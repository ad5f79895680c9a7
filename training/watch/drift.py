"""Windows of turns against a reference: what moved, and what moved twice in a row.

What is chance is told by the reference itself: parts of it, of the size of a window, are compared
with its rest, whole conversations at a time. A measure counts where it is above what these give
and above a floor that does not depend on how much was said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from training.watch.measures import FLOORS, MEASURES, Ints, Measure, Sample

Level = Literal["", "watch", "act"]
FEWEST = 50  # turns of each, to be compared at all
TIMES = 100  # parts of the reference
WATCH, ACT = 0.95, 0.99  # of the parts are below


class Shift(msgspec.Struct, frozen=True):
    """How far a window is from the reference by one measure, over one part of the turns.

    ``part`` is ``all``, ``channel <name>`` or ``intent <name>``; ``watch`` and ``act`` are from
    where on it is worth a look, and worth acting on. ``window`` counts from the oldest, from 0.
    """

    window: int
    measure: str
    part: str
    value: float
    watch: float
    act: float
    turns: int

    @property
    def level(self) -> Level:
        if self.value >= self.act:
            return "act"
        return "watch" if self.value >= self.watch else ""


class Alarm(msgspec.Struct, frozen=True):
    """A measure worth acting on in two windows in a row; ``window`` is the latest such second."""

    window: int
    measure: str
    part: str
    value: float
    act: float


Parts = Mapping[str, tuple[Sample, Sequence[Sample]]]


def shifts(parts: Parts, *, seed: int = 0, times: int = TIMES) -> Iterator[Shift]:
    """Every part's windows against its reference; those of few turns are left out.

    ``parts`` maps a name to the reference and the windows, oldest first.
    """
    for name, (reference, windows) in parts.items():
        known: dict[tuple[str, int], list[float]] = {}
        for number, window in enumerate(windows):
            if min(len(reference), len(window)) < FEWEST:
                continue
            # A window larger than half of it is judged as strictly as one of that size.
            size = min(len(window), len(reference) // 2)
            for measure, of in MEASURES.items():
                if measure == "intents" and name.startswith("intent "):
                    continue  # there is but one
                key = measure, size
                if key not in known:
                    known[key] = _chance(of, reference, size, np.random.default_rng(seed), times)
                if not known[key]:  # of one conversation nobody can tell what is chance
                    continue
                watch, act = _thresholds(measure, known[key])
                value = of(reference, window)
                yield Shift(number, measure, name, value, watch, act, len(window))


def _thresholds(measure: str, chance: Sequence[float]) -> tuple[float, float]:
    low, high = FLOORS[measure]
    watch, act = np.quantile(chance, (WATCH, ACT))
    return max(low, float(watch)), max(high, float(act))


def _chance(
    of: Measure, reference: Sample, wanted: int, rng: np.random.Generator, times: int
) -> list[float]:
    """What ``of`` gives for parts of the reference of that many turns against the rest of it."""
    names = np.unique(reference.conversations)
    found = []
    for _ in range(times):
        part = _part(reference.conversations, rng.permutation(names), wanted)
        if 0 < part.sum() < len(reference):
            found.append(of(reference.of(~part), reference.of(part)))
    return found


def _part(conversations: Ints, order: Ints, wanted: int) -> npt.NDArray[np.bool_]:
    """Which turns are of the conversations that come first in ``order``, about ``wanted``."""
    names, counts = np.unique(conversations, return_counts=True)
    of = dict(zip(names.tolist(), counts.tolist(), strict=True))
    total = np.cumsum([of[name] for name in order.tolist()])
    chosen = order[: int(np.searchsorted(total, wanted)) + 1]
    return np.isin(conversations, chosen)


def alarms(found: Sequence[Shift]) -> list[Alarm]:
    """What was worth acting on in two windows in a row, the latest first."""
    acted = {(each.measure, each.part, each.window): each for each in found if each.level == "act"}
    latest: dict[tuple[str, str], Alarm] = {}
    for (measure, part, window), shift in sorted(acted.items(), key=lambda each: each[0][2]):
        if (measure, part, window - 1) in acted:
            latest[measure, part] = Alarm(window, measure, part, shift.value, shift.act)
    return sorted(latest.values(), key=lambda each: (-each.window, each.part, each.measure))
