"""Recorded replies become calls of their channel: in order, tried again, their end recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol, runtime_checkable

import structlog

from bot.dialogue.messages import Reply
from bot.errors import ParleyError, Unavailable
from bot.services import Services
from bot.store.base import Outgoing

TRY_AGAIN_S = (0.2, 1.0, 5.0)  # at most; each wait is between half of it and all of it
SEND_S = 30.0
MISSED = "missed"  # a reply's state, and the news of it, when nobody was there to take it

log = structlog.get_logger(__name__)


class Absent(ParleyError):
    """Nobody is connected here who could take a reply."""

    status = 404
    reason = "Absent"


class Doubtful(ParleyError):
    """Nobody can tell whether a service took this reply, and it would not recognise a repeat."""

    status = 502
    reason = "Doubtful"


@runtime_checkable
class Sender(Protocol):
    """What a channel that calls its service can do; others are asked for their replies."""

    async def send(self, reply: Reply) -> None:
        """Deliver ``reply``.

        Raises Unavailable to be tried again, Absent to be kept for who comes back, Doubtful where
        it may have arrived, any other ParleyError to be given up.
        """
        ...


async def send_replies(
    conversation_id: str,
    parley: Services,
    senders: Mapping[str, Sender],
    *,
    missed: bool = False,
    try_again_s: Sequence[float] = TRY_AGAIN_S,
) -> None:
    """Send what waits in the conversation's outbox, by whoever has the right to.

    Args:
        missed: First send what nobody was there to take: somebody has come back.

    Each reply is sent at least once: a process that dies between sending and recording leaves
    it to be sent again. States: ``sent``; ``failed`` when the service refused it; ``unknown`` when
    it never said, or nobody can tell, so that what follows is not held up for ever; ``missed``
    when nobody was connected here, which is told to the other workers.
    """
    # Not the turn's lease: a service slow to take replies does not keep the bot from working.
    while True:
        async with parley.leases.hold(conversation_id, kind="outbox") as held:
            if not held:
                return
            earlier = await parley.log.missed(conversation_id) if missed else ()
            new = await parley.log.outgoing(conversation_id)
            states = {}
            for each in (*earlier, *new):
                states[each.outbox_id] = await _sent(each, senders, parley.random, try_again_s)
                await parley.log.mark_sent(each.outbox_id, state=states[each.outbox_id])
        if any(states[each.outbox_id] == MISSED for each in new):
            await parley.news.publish(conversation_id, MISSED)
        # Whoever was refused the lease meanwhile relies on us; perhaps somebody has come back.
        came_back = held.wanted and not missed
        missed = missed or came_back
        if not came_back and not await parley.log.outgoing(conversation_id):
            return


async def _sent(
    outgoing: Outgoing,
    senders: Mapping[str, Sender],
    random: Random,
    try_again_s: Sequence[float],
) -> str:
    """How sending ended."""
    told = log.bind(conversation=outgoing.conversation_id, channel=outgoing.channel)
    if not (sender := senders.get(outgoing.channel)):
        told.error("reply.failed", error="no such channel is configured to send replies")
        return "failed"
    for wait_s in (*try_again_s, None):
        try:
            async with asyncio.timeout(SEND_S):
                await sender.send(outgoing.reply)
        except (Unavailable, TimeoutError) as error:
            if wait_s is None:
                told.error("reply.unknown", error=str(error) or "no answer in time")
                return "unknown"
            await asyncio.sleep(wait_s * random.uniform(0.5, 1))
        except Absent:
            return MISSED
        except Doubtful as error:
            told.error("reply.unknown", error=str(error))
            return "unknown"
        except ParleyError as error:
            told.error("reply.failed", error=str(error))
            return "failed"
        except Exception:
            told.exception("reply.failed")
            return "failed"
        else:
            return "sent"
    raise AssertionError("the last try returns")
