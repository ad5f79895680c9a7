"""A worker that takes up a message and never finishes: run as a child, to be killed.

Arguments: the database's URL, Redis' URL, and what to wait for: ``message`` is one it accepts
itself, ``reminder`` one that rings. Prints ``working`` once it is in the turn.
"""

from __future__ import annotations

import asyncio
import sys

import structlog

from bot.inbox import Inbox
from bot.store.base import Waiting
from bot.store.redis import RedisLeases, open_redis
from bot.store.sql import open_log
from tests.turns import Echo, message, services


async def hang(waiting: Waiting) -> None:
    print("working", flush=True)  # noqa: T201
    await asyncio.Event().wait()


async def main(database_url: str, redis_url: str, wait_for: str) -> None:
    async with open_log(database_url) as log, open_redis(redis_url, patience_s=5.0) as stores:
        leases = RedisLeases(stores.link, lease_s=3.0)
        parley = services(log=log, trackers=stores.trackers, leases=leases, news=stores.news)
        async with Inbox(parley, take_turn=Echo(hang)) as inbox:
            if wait_for == "message":
                await inbox.accept(message("first", message_id="m1"))
            await asyncio.Event().wait()


# Standard output is for who waits for ``working``.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
asyncio.run(main(*sys.argv[1:]))
