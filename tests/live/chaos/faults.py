"""What happens to the world: at random, and at each crash point in its turn."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random

from bot.children.child import Child
from tests.live.chaos.nursery import LEASE_S
from tests.live.chaos.points import POINTS, RARE
from tests.live.chaos.world import Server, World

LONG_S = 1.5 * LEASE_S
POINT_S = 6.0  # a server has so long to come to its crash point


class Faults:
    """Makes one thing after another go wrong; at most one server is down at a time."""

    def __init__(
        self,
        world: World,
        random: Random,
        *,
        pause_s: float,
        only: Sequence[str] = (),
        crashes: bool = True,
    ) -> None:
        self.done: Counter[str] = Counter()
        self.points_hit: set[str] = set()
        self._world = world
        self._random = random
        self._pause_s = pause_s
        self._crashes = crashes
        self._points = random.sample(POINTS, len(POINTS))
        self._kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "server stopped": self._stop_server,
            "server ended": self._end_server,
            "redis killed": self._kill_redis,
            "redis stopped": self._stop_redis,
            "redis cut": lambda: self._cut("redis"),
            "actions killed": self._kill_actions,
            "actions cut": lambda: self._cut("actions"),
        }
        if world.database is not None:
            self._kinds["sql killed"] = self._kill_database
            self._kinds["sql cut"] = lambda: self._cut("sql")
        if only:
            self._kinds = {kind: self._kinds[kind] for kind in only}

    async def go_on(self, for_s: float) -> None:
        """One after another; what is begun is ended."""
        ends_at, kinds = time.monotonic() + for_s, list[str]()
        while time.monotonic() < ends_at:
            kinds = kinds or self._random.sample(sorted(self._kinds), len(self._kinds))
            await self.happens(kinds.pop())
            if self._crashes:
                await self._crash()

    async def happens(self, kind: str) -> None:
        await self._kinds[kind]()
        self.done[kind] += 1
        await asyncio.sleep(self._random.uniform(0.2, 1) * self._pause_s)

    async def _crash(self) -> None:
        """A server is killed at the next crash point, or where it is."""
        server, point = self._any_server(), self._points.pop()
        if not self._points:
            self._points = self._random.sample(POINTS, len(POINTS))
        await self._killed(server)
        await server.start(
            point, times=self._random.randint(1, 2 if point.split()[1] in RARE else 6)
        )
        try:
            async with asyncio.timeout(POINT_S):
                await server.gone()
            self.points_hit.add(point)
            self.done["server killed at a crash point"] += 1
        except TimeoutError:
            await self._killed(server)
            self.done["server killed anywhere"] += 1
        await server.start_well()

    async def _killed(self, server: Server) -> None:
        server.send(signal.SIGKILL)
        await server.gone()

    async def _stop_server(self) -> None:
        server = self._any_server()
        server.send(signal.SIGSTOP)
        await asyncio.sleep(LONG_S)
        server.send(signal.SIGCONT)

    async def _end_server(self) -> None:
        """As a deployment does it."""
        server = self._any_server()
        server.send(signal.SIGTERM)
        await server.gone()
        await server.start_well()

    async def _kill_redis(self) -> None:
        self._world.valkey.kill()
        await asyncio.sleep(self._random.uniform(0, 1))
        await asyncio.to_thread(self._world.valkey.start)

    async def _stop_redis(self) -> None:
        self._world.valkey.pause()
        await asyncio.sleep(self._random.uniform(0.5, LONG_S))
        self._world.valkey.resume()

    async def _cut(self, name: str) -> None:
        wire = self._any_server().wires[name]
        if self._random.random() < 0.5:
            wire.cut()
        else:
            wire.hang()
        await asyncio.sleep(self._random.uniform(0.2, LONG_S))
        wire.mend()

    async def _kill_actions(self) -> None:
        child = self._world.actions
        await asyncio.to_thread(_kill, child)
        child.restart()

    async def _kill_database(self) -> None:
        assert self._world.database
        await asyncio.to_thread(self._world.database.stop)
        await asyncio.to_thread(self._world.database.start)

    def _any_server(self) -> Server:
        return self._random.choice(self._world.servers)


def _kill(child: Child) -> None:
    os.kill(child.pid, signal.SIGKILL)
    while child.alive:
        time.sleep(0.01)
