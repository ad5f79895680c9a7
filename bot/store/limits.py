"""How much was asked lately: the generic cell rate algorithm (GCRA, ITU-T I.371).

Of each key one number is kept, the time by which what was asked so far would have come evenly.
What comes more than a burst before that time has to wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.store.link import Link, RedisDown, Script

MOST_KEYS = 100_000

Kind = Literal["conversation", "address"]

# In microseconds, by the server's own clock. A clock that was set back makes nobody wait longer
# than a whole period.
TAKE = Script("""
local time = redis.call('TIME')
local now, gap, span = time[1] * 1000000 + time[2], tonumber(ARGV[1]), tonumber(ARGV[2])
local due = tonumber(redis.call('GET', KEYS[1]) or now)
due = math.min(math.max(due, now), now + span) + gap
if due - now > span then return math.ceil(due - now - span) end
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000))
return 0
""")


@dataclass(frozen=True, slots=True)
class Rate:
    """``most`` at once, then evenly, ``most`` in ``seconds``."""

    most: int
    seconds: float

    @property
    def gap_s(self) -> float:
        """Between two, when they come evenly."""
        return self.seconds / self.most


class LimitStore(Protocol):
    """Counts what was asked of each key."""

    async def take(self, key: str, rate: Rate, *, kind: Kind = "conversation") -> float:
        """Count one more of ``key``: 0.0, else how long to wait first, in seconds.

        What has to wait is not counted. Keys of one ``kind`` are apart from those of the other.
        """
        ...


class MemoryLimits:
    """What was asked of this process.

    Args:
        clock: Seconds that never go back.
        most_keys: That are remembered; beyond, those due first are forgotten.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, most_keys: int = MOST_KEYS
    ) -> None:
        self._clock = clock
        self._most_keys = most_keys
        self._due: dict[tuple[Kind, str], float] = {}

    async def take(self, key: str, rate: Rate, *, kind: Kind = "conversation") -> float:
        now = self._clock()
        due = min(max(self._due.get((kind, key), now), now), now + rate.seconds) + rate.gap_s
        wait = due - now - rate.seconds
        if wait > 1e-9:  # what is left of adding up binary fractions
            return wait
        self._due[kind, key] = due
        if len(self._due) > self._most_keys:
            self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        """Drop the half that is due first, and all that is due already."""
        kept = sorted(self._due.items(), key=lambda item: item[1])[self._most_keys // 2 :]
        self._due = {key: due for key, due in kept if due > now}


class RedisLimits:
    """What was asked of all processes together; of this one alone while Redis is away."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._here = MemoryLimits()

    async def take(self, key: str, rate: Rate, *, kind: Kind = "conversation") -> float:
        gap, span = (max(round(each * 1e6), 1) for each in (rate.gap_s, rate.seconds))
        try:
            counted = self._link.key(key, f"rate.{kind}")
            wait = await self._link.run("limit", TAKE, [counted], gap, span)
        except RedisDown:
            return await self._here.take(key, rate, kind=kind)
        return int(wait) / 1e6
