"""How long the steps of a turn take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, process_time


class Stopwatch:
    """Milliseconds by step, by the clock and of CPU.

    CPU time is the whole process's, all threads: the turn's own while no other turn runs beside.
    """

    def __init__(self) -> None:
        self.wall_ms: dict[str, float] = {}
        self.cpu_ms: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block, and add it to what step ``name`` took so far."""
        wall, cpu = perf_counter(), process_time()
        try:
            yield
        finally:
            self.wall_ms[name] = self.wall_ms.get(name, 0.0) + (perf_counter() - wall) * 1000
            self.cpu_ms[name] = self.cpu_ms.get(name, 0.0) + (process_time() - cpu) * 1000

    def facts(self) -> dict[str, float]:
        """For a log line: ``<step>_ms`` and ``<step>_cpu_ms``."""
        wall = {f"{name}_ms": round(ms, 2) for name, ms in self.wall_ms.items()}
        return wall | {f"{name}_cpu_ms": round(ms, 2) for name, ms in self.cpu_ms.items()}
