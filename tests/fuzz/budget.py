"""Examples made until the time is up, and a hang is a failure.

`PARLEY_FUZZ_S` is the time for all of it, in seconds; `PARLEY_FUZZ_SEED` begins elsewhere than the
last time did. The same seed makes the same examples, in the same order.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

TOTAL_S = float(os.environ.get("PARLEY_FUZZ_S", "60"))
FIRST_SEED = int(os.environ.get("PARLEY_FUZZ_SEED", "0"))
HANG_S = 60.0  # of one example, on a machine that is busy
ROUND = 25  # examples; between two rounds the time is looked at

done: dict[str, int] = {}
"""How many examples each part has seen."""


def fuzz(
    name: str, strategy: st.SearchStrategy[Any], check: Callable[[Any], None], *, share: float
) -> None:
    """``check`` examples of ``strategy`` for ``share`` of the time. What it raises is a finding."""
    end = time.monotonic() + share * TOTAL_S
    number = FIRST_SEED
    while time.monotonic() < end:
        _round(name, strategy, check, number)
        number += 1


def _round(
    name: str, strategy: st.SearchStrategy[Any], check: Callable[[Any], None], number: int
) -> None:
    @seed(number)
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(strategy)
    def examples(example: Any) -> None:
        with no_longer_than(HANG_S):
            check(example)
        done[name] = done.get(name, 0) + 1

    examples()


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Raises AssertionError in a block that takes longer."""

    def late(*_: Any) -> None:
        raise AssertionError(f"It hangs: nothing after {seconds:g} seconds.")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
