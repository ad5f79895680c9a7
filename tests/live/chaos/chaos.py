"""A run: users talk, everything fails in its turn, all is healed, and the promises are checked."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bot.project.load import load_project
from bot.store.redis import open_redis
from bot.store.sql import SqlLog, open_log
from tests.live.chaos.client import Users
from tests.live.chaos.faults import Faults
from tests.live.chaos.provider import Provider
from tests.live.chaos.verdict import Verdict, verdict_on
from tests.live.chaos.world import World, opened
from tests.servers import Postgres, Valkey

TOLD_EVERY_S = 5.0
SETTLE_S = 120.0
CHANNELS = ("rest", "telegram", "callback")


@dataclass(frozen=True)
class Plan:
    """How much of it. For ``round_s`` things fail and users talk; then it takes what it takes."""

    seed: int
    conversations: int = 200
    messages: int = 10
    round_s: float = 60.0
    rounds: int = 1
    servers: int = 2
    takeovers: float = 0.2  # of conversations
    kinds: tuple[str, ...] = ()  # of faults; all, if none is named
    crashes: bool = True  # between them
    is_calm: bool = False  # the messaging services


@dataclass
class Outcome:
    """What came of a run."""

    verdict: Verdict
    faults: Counter[str] = field(default_factory=Counter)
    points: set[str] = field(default_factory=set)
    troubles: int = 0
    took_s: float = 0.0

    def __str__(self) -> str:
        told = [f"{number} {what}" for what, number in sorted(self.verdict.counts.items())]
        happened = [f"{number} x {what}" for what, number in sorted(self.faults.items())]
        return "\n".join(
            [
                f"{self.took_s:.0f} s: {', '.join(told)}",
                f"faults: {', '.join(happened)}; {self.troubles} calls the service spoiled",
                f"crash points: {len(self.points)}: {', '.join(sorted(self.points))}",
                f"wrong: {len(self.verdict.wrong)}",
                *self.verdict.wrong[:20],
            ]
        )


async def run(
    plan: Plan,
    folder: Path,
    *,
    valkey: Valkey,
    database: Postgres | None,
    database_url: str,
    ends_at: float | None = None,
) -> Outcome:
    """One run; more rounds until ``ends_at`` (of ``time.monotonic``), if that is given."""
    random, began = Random(plan.seed), time.monotonic()
    outcome = Outcome(Verdict())
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(Provider(Random(plan.seed + 1)))
        places = opened(folder, provider, database, database_url, valkey, servers=plan.servers)
        world = await stack.enter_async_context(places)
        for server in world.servers:
            await server.start_well()
        log = await stack.enter_async_context(open_log(database_url))
        redis = await stack.enter_async_context(open_redis(valkey.url, patience_s=5.0))
        domain = load_project(folder / "project").domain
        pause_s = min(2.0, plan.round_s / 20)
        faults = Faults(world, random, pause_s=pause_s, only=plan.kinds, crashes=plan.crashes)
        users = Users(world.servers, Random(plan.seed + 2))
        stack.push_async_callback(users.close)
        number = 0
        while number < plan.rounds or (ends_at is not None and time.monotonic() < ends_at):
            number += 1
            names = _names(plan, number)
            provider.is_calm = plan.is_calm
            await _round(plan, world, users, faults, names, Random(plan.seed + 1000 * number))
            provider.is_calm = True
            await _heal(world, log, outcome.verdict)
            found = await verdict_on(users, world, log, redis, domain, names)
            outcome.verdict.wrong += found.wrong
            outcome.verdict.counts += found.counts
            users.wrong.clear()
            _say(f"round {number}: {len(found.wrong)} wrong; {dict(found.counts)}")
    outcome.faults, outcome.points = faults.done, faults.points_hit
    outcome.troubles, outcome.took_s = provider.troubles, time.monotonic() - began
    return outcome


def _names(plan: Plan, number: int) -> list[str]:
    """A telegram chat is a number."""
    of_round = range(plan.conversations * number, plan.conversations * (number + 1))
    return [f"{CHANNELS[one % len(CHANNELS)]} {one}" for one in of_round]


async def _round(
    plan: Plan, world: World, users: Users, faults: Faults, names: list[str], random: Random
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(faults.go_on(plan.round_s))
        telling = group.create_task(_tell(users, faults, len(users.told)))
        async with asyncio.TaskGroup() as talking:
            for name in names:
                pace_s = 2 * plan.round_s / plan.messages
                talking.create_task(users.talk(name, plan.messages, pace_s))
                if random.random() < plan.takeovers:
                    talking.create_task(_later(users, name, random.uniform(0.2, 0.9), plan))
        telling.cancel()


async def _later(users: Users, name: str, share: float, plan: Plan) -> None:
    await asyncio.sleep(share * plan.round_s)
    await users.take_over(name)


async def _tell(users: Users, faults: Faults, before: int) -> None:
    while True:
        await asyncio.sleep(TOLD_EVERY_S)
        told, accepted = len(users.told) - before, users.accepted - before
        _say(f"{accepted} of {told} messages accepted, {faults.done.total()} faults")


async def _heal(world: World, log: SqlLog, found: Verdict) -> None:
    """Everything runs, and nothing is left to do."""
    world.valkey.resume()
    for server in world.servers:
        server.send(signal.SIGCONT)
        for wire in server.wires.values():
            wire.mend()
        if not server.is_alive:
            await server.start_well()
        await server.until_ready()
    try:
        async with asyncio.timeout(SETTLE_S):
            while await _left(log):  # noqa: ASYNC110 - for other processes
                await asyncio.sleep(0.2)
    except TimeoutError:
        found.wrong.append(f"{SETTLE_S:.0f} s later work is left in {await _left(log)}")


async def _left(log: SqlLog) -> list[str]:
    waiting = await log.letters(states=["waiting"])
    unfinished = await log.unfinished(older_than_s=-3600.0)
    return [*unfinished, *(letter.outgoing.conversation_id for letter in waiting)]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - a long run shows that it lives
