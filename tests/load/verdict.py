"""What a run under load shows: that nothing grows, that refusals are clear, that it recovers.

A row is judged between its second and its last fifth: the first one warms up. Growth of memory is
more than a tenth and 20 MB, of what is on its way or of the 95th percentile more than one and a
half times and 20 messages or 50 ms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from tests.load.arrivals import Answered

RECOVERED_S = 5.0
REFUSED = (429, 503)


def p95(values: Sequence[float]) -> float:
    """By nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)] if ordered else 0.0


def fifths(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """The second and the last fifth of ``values``."""
    each = max(1, len(values) // 5)
    return list(values[each : 2 * each]), list(values[-each:])


def grows(values: Sequence[float], *, times: float, least: float) -> bool:
    """Whether the last fifth is more than ``times`` and ``least`` above the second (medians)."""
    if not values:
        return False
    before, after = map(median, fifths(values))
    return after > times * before and after - before > least


def steady(
    answered: Sequence[Answered], on_their_way: Sequence[float], memory_mb: Sequence[float]
) -> dict[str, bool]:
    """What should hold at four fifths of the maximum."""
    ordered = sorted(answered, key=lambda one: one.due_s)
    before, after = fifths([one.took_s for one in ordered])
    return {
        "every message was answered": all(one.status == 200 for one in answered),
        "memory does not grow": not grows(memory_mb, times=1.1, least=20),
        "the queue does not grow": not grows(on_their_way, times=1.5, least=20),
        "latency does not grow": not (
            p95(after) > 1.5 * p95(before) and p95(after) - p95(before) > 0.05
        ),
    }


def overloaded(answered: Sequence[Answered], *, bound_s: float) -> dict[str, bool]:
    """What should hold at three times the maximum: p95 of accepted turns below ``bound_s``."""
    statuses = Counter(one.status for one in answered)
    refused = [one for one in answered if one.status in REFUSED]
    return {
        "it is answered or refused": set(statuses) <= {200, *REFUSED},
        "some are refused": bool(refused),
        "refusals say when to come again": all(one.says_when for one in refused),
        "latency of accepted turns is bounded": p95(took(answered)) <= bound_s,
    }


def took(answered: Sequence[Answered]) -> list[float]:
    """Of those that were answered."""
    return [one.took_s for one in answered if one.status == 200]


def recovered_after(answered: Sequence[Answered], *, within_s: float) -> float | None:
    """From which second on every message is answered within ``within_s``; None: not at all."""
    bad = [one.due_s for one in answered if one.status != 200 or one.took_s > within_s]
    last = max((one.due_s for one in answered), default=0.0)
    if not bad:
        return 0.0
    return None if max(bad) >= last - 1 else max(bad)
