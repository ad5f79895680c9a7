"""Work that goes on beside everything else: what was done long ago is cleared away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

from bot.store.base import Log

CLEAR_EVERY_S = 60.0
DAY_S = 24 * 3600

log = structlog.get_logger(__name__)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """``work`` goes on inside the block, and is cancelled after it."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def clear_away(events: Log, *, keep_days: float) -> None:
    """Delete messages done and replies settled when they are that old, for ever."""
    failing = False
    while True:
        try:
            await clear_all(events, keep_days=keep_days)
            failing = False
        except Exception as error:
            if not failing:
                log.warning("clearing.failing", error=str(error), exc_info=True)
            failing = True
        await asyncio.sleep(CLEAR_EVERY_S)


async def clear_all(events: Log, *, keep_days: float) -> int:
    """Delete all that is older now, in steps that keep nobody waiting; how many rows went."""
    total = 0
    while gone := await events.clear(older_than_s=keep_days * DAY_S):
        total += gone
    if total:
        log.info("messages.cleared", rows=total)
    return total
