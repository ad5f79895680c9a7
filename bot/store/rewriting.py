"""Redis' append-only file holds all that was ever written, until it is written anew."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bot.store.link import Link, RedisDown

WITHIN_S = 5.0
LOOK_AGAIN_S = 0.02


async def rewrite(link: Link) -> None:
    """Have a Redis beside this server write that file anew, if it has one, and wait until it did.

    One elsewhere is for its owner to tend. Where it takes too long, Redis goes on by itself.
    """
    if not link.is_beside:
        return
    with suppress(RedisDown, TimeoutError):
        async with asyncio.timeout(WITHIN_S):
            if await _is_idle(link):  # what is under way began before
                await link.ask("rewrite", "BGREWRITEAOF")
                await _is_idle(link)


async def _is_idle(link: Link) -> bool:
    """Whether there is such a file, once nobody writes it anew."""
    while True:
        told = bytes(await link.ask("rewrite", "INFO", "persistence")).split()
        if b"aof_enabled:1" not in told:
            return False
        if not {b"aof_rewrite_in_progress:1", b"aof_rewrite_scheduled:1"}.intersection(told):
            return True
        await asyncio.sleep(LOOK_AGAIN_S)
