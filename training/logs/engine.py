"""Reads the parts of a log, one after another or on a Ray cluster, and shelves what they give."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from bot.errors import SettingsError
from bot.store.shelf import Harvest, Shelf
from training.logs.reading import Part

Engine = Literal["local", "ray"]
AT_ONCE = 16  # parts on their way; what they give waits in Ray's store, not here


@dataclass(frozen=True, slots=True)
class Read:
    """What a log gave: events looked at, turns that are new, rows that could not be used."""

    events: int = 0
    turns: int = 0
    bad: int = 0

    def __add__(self, other: Read) -> Read:
        return Read(self.events + other.events, self.turns + other.turns, self.bad + other.bad)


def read_parts(
    parts: Iterable[Part],
    shelf: Shelf,
    *,
    engine: Engine = "local",
    watch: Callable[[Read], None] = lambda read: None,
) -> Read:
    """Put what the parts hold on ``shelf``, in their order; the same by every engine.

    ``watch`` is told of the sum after each harvest. Raises SettingsError without Ray.
    """
    total = Read()
    for harvest in _ray(parts) if engine == "ray" else _local(parts):
        total += Read(harvest.events, shelf.add(harvest), len(harvest.bad))
        watch(total)
    return total


def _local(parts: Iterable[Part]) -> Iterator[Harvest]:
    for part in parts:
        yield from part.harvests()


def _ray(parts: Iterable[Part]) -> Iterator[Harvest]:
    ray = _import_ray()
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False)
    remote = ray.remote(_harvests).options(num_returns="streaming")
    running: deque[Any] = deque()
    for part in parts:
        if len(running) == AT_ONCE:
            yield from map(ray.get, running.popleft())
        running.append(remote.remote(part))
    while running:
        yield from map(ray.get, running.popleft())


def _harvests(part: Part) -> Iterator[Harvest]:
    yield from part.harvests()


def _import_ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise SettingsError("--engine ray needs Ray: install parley[ray].") from error
    return ray
