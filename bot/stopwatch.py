"""How long the steps of a turn take."""

from __future__ import annotations

from time import perf_counter


class Stopwatch:
    """Milliseconds by step, by the clock."""

    def __init__(self) -> None:
        self.wall_ms: dict[str, float] = {}

    def step(self, name: str) -> Step:
        """Time a block, and add it to what step ``name`` took so far."""
        return Step(self.wall_ms, name)

    def facts(self) -> dict[str, float]:
        """For a log line: ``<step>_ms``."""
        return {f"{name}_ms": round(ms, 2) for name, ms in self.wall_ms.items()}


class Step:
    """A block that is timed."""

    __slots__ = ("_began", "_name", "_wall_ms")

    def __init__(self, wall_ms: dict[str, float], name: str) -> None:
        self._wall_ms = wall_ms
        self._name = name

    def __enter__(self) -> None:
        self._began = perf_counter()

    def __exit__(self, *_: object) -> None:
        ms = (perf_counter() - self._began) * 1000
        self._wall_ms[self._name] = self._wall_ms.get(self._name, 0.0) + ms
