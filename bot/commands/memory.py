"""What the start leaves behind goes back to the system, and so does what a burst took.

Said to glibc, where that is the C library (mallopt(3), malloc_trim(3)); elsewhere nothing is done.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from functools import cache

# The parameters of mallopt, by their numbers in malloc.h.
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
LARGE_BYTES = 1 << 20  # tensors of a long text or a batch; a message's are smaller
ARENAS = 2  # of threads that allocate at once; each keeps what it once needed


def bound_memory() -> None:
    """Have large blocks given back when they are freed; collect no cycles until ``settle_memory``.

    For the beginning of a process, before it imports much: of what is made then nearly all stays,
    and to look through it again and again takes a tenth of the start.
    """
    gc.disable()
    if mallopt := _glibc("mallopt"):
        for parameter, value in (
            (ARENA_MAX, ARENAS),
            (MMAP_THRESHOLD, LARGE_BYTES),
            (TRIM_THRESHOLD, 2 * LARGE_BYTES),
        ):
            mallopt(parameter, value)


def settle_memory() -> None:
    """Give back what only the start needed; cycles of what is left are not looked for again."""
    gc.collect()
    gc.freeze()
    gc.enable()
    if trim := _glibc("malloc_trim"):
        trim(0)


@cache
def _glibc(name: str) -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)
