"""How many do something at once, and who waits for it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_WEIGHT = 0.05  # of the last one in the average


class Places:
    """``many`` at once; the others in line, first come first served."""

    def __init__(self, many: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = many
        self._clock = clock
        self._line: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._given_at = clock()
        self._apart_s = 0.0  # between two places given while there is a line, on average

    @property
    def waiting(self) -> int:
        """How many are in line."""
        return sum(not place.done() for _, place in self._line)

    @property
    def waited_s(self) -> float:
        """How long the first in line has waited."""
        return next((self._clock() - at for at, place in self._line if not place.done()), 0.0)

    @property
    def expected_s(self) -> float:
        """How long who comes now will wait, as fast as it goes at present."""
        return max(self.waiting * self._apart_s, self.waited_s)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place in the block; within it, ``away`` gives it back for a while."""
        await self._take()
        held = _Held(self)
        before = _held.set(held)
        try:
            yield
        finally:
            _held.reset(before)
            if held.has_it:
                self._give()

    async def _take(self) -> None:
        if self._free and not self._line:
            self._free -= 1
            self._given_at = self._clock()
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((self._clock(), place))
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it was given one just then
                self._give()
            raise

    def _give(self) -> None:
        while self._line:
            _, place = self._line.popleft()
            if not place.done():
                place.set_result(None)
                now = self._clock()
                self._apart_s += _WEIGHT * (now - self._given_at - self._apart_s)
                self._given_at = now
                return
        self._free += 1


@dataclass(slots=True)
class _Held:
    places: Places
    has_it: bool = True

    def leave(self) -> None:
        self.has_it = False
        self.places._give()

    async def come_back(self) -> None:
        await self.places._take()
        self.has_it = True


_held: ContextVar[_Held | None] = ContextVar("held", default=None)


@asynccontextmanager
async def away() -> AsyncIterator[None]:
    """Outside of the place this task has, if any, for as long as it waits for somebody else."""
    held = _held.get()
    if held is None or not held.has_it:
        yield
        return
    held.leave()
    try:
        yield
    finally:
        await held.come_back()
