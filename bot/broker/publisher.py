"""Hands the log's events on to a broker: at least once, in order, never in a turn's way.

Events wait in the log, written there by the transaction that logged them. One worker at a time
hands them on, and deletes them when the broker has taken them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import structlog

from bot.broker.base import Broker, Journal, Unpublished
from bot.dialogue.events import Event
from bot.dialogue.written import event_state
from bot.errors import Unavailable
from bot.store.base import Leases

LEASE = "\0event-broker"  # no conversation is called so
MOST_AT_ONCE = 100  # transactions
IDLE_S = 0.25
PUBLISH_S = 30.0
AGAIN_S = (1.0, 30.0)  # after a failure: at first, at most

_events = msgspec.json.Decoder(list[Event])
log = structlog.get_logger(__name__)


async def publish(journal: Journal, broker: Broker, leases: Leases) -> None:
    """Hand on what waits and what comes, for ever."""
    shortest_s, longest_s = AGAIN_S
    again_s = shortest_s
    while True:
        try:
            async with leases.hold(LEASE) as held:
                while held:
                    handed_on = await hand_on(journal, broker)
                    if again_s > shortest_s:
                        log.info("broker.works_again")
                    again_s = shortest_s
                    await asyncio.sleep(0 if handed_on else IDLE_S)
        except Exception as error:
            if again_s == shortest_s:
                unexpected = not isinstance(error, Unavailable | TimeoutError)
                reason = str(error) or "no answer in time"
                log.error("broker.failing", error=reason, exc_info=unexpected)
            again_s = min(again_s * 2, longest_s)
        await asyncio.sleep(again_s)


async def hand_on(journal: Journal, broker: Broker) -> bool:
    """Hand on the oldest that wait; whether there were any."""
    waiting = await journal.unpublished(limit=MOST_AT_ONCE)
    if waiting:
        async with asyncio.timeout(PUBLISH_S):
            await broker.publish(list(_told(waiting)))
        await journal.published([each.row_id for each in waiting])
    return bool(waiting)


def _told(waiting: Sequence[Unpublished]) -> Iterator[dict[str, Any]]:
    for each in waiting:
        for event in _events.decode(each.events):
            yield {"sender_id": each.conversation_id, **event_state(event)}
