"""Retention goes on beside everything else, in one server at a time."""

from __future__ import annotations

import asyncio

import structlog

from bot.audit import SERVER, Audit, Deed
from bot.store.base import Leases
from bot.store.retention import Retention

LEASE = "\0retention"  # no conversation is called so
PAUSE_S = 0.2  # between steps, so that turns have the database to themselves most of the time
EVERY_S = 600.0

log = structlog.get_logger(__name__)


async def keep_to(retention: Retention, leases: Leases, audit: Audit) -> None:
    """Take away what is too old, for ever."""
    failing = False
    while True:
        try:
            async with leases.hold(LEASE) as held:
                if held:
                    await walk(retention, audit)
            failing = False
        except Exception as error:
            if not failing:
                log.warning("retention.failing", error=str(error), exc_info=True)
            failing = True
        await asyncio.sleep(EVERY_S)


async def walk(retention: Retention, audit: Audit, *, pause_s: float = PAUSE_S) -> tuple[int, int]:
    """Look at every conversation once; how many went whole, and how many events in all."""
    conversations = events = 0
    after = ""
    while True:
        gone = await retention.step(after)
        conversations, events = conversations + gone.conversations, events + gone.events
        if not (after := gone.after):
            break
        await asyncio.sleep(pause_s)
    if events:
        facts = {"conversations": conversations, "events": events}
        await audit.record(Deed(SERVER, "privacy.retention", facts=facts))
        log.info("retention.done", **facts)
    return conversations, events
