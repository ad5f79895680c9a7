"""The outbox as an operator sees it: replies that wait, and those that were given up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bot.reply import FAILED, UNKNOWN
from bot.store import schema
from bot.store.base import Letter
from bot.store.sql import open_log

GIVEN_UP = (FAILED, UNKNOWN)


async def listed(
    url: str,
    *,
    states: Sequence[str],
    channel: str | None,
    conversation_id: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Replies in these states, oldest first, as they are shown. Raises ParleyError."""
    await schema.check(url)
    async with open_log(url) as log:
        found = await log.letters(
            states=states, channel=channel, conversation_id=conversation_id, limit=limit
        )
    return [_shown(letter) for letter in found]


async def sent_again(
    url: str, outbox_ids: Sequence[int], *, states: Sequence[str], channel: str | None
) -> list[int]:
    """Let given-up replies wait anew: those named, or all in ``states``. Which did.

    A server that runs sends them at its next sweep.
    """
    await schema.check(url)
    async with open_log(url) as log:
        if outbox_ids:
            return list(await log.send_again(outbox_ids))
        done: list[int] = []
        last = 0  # a server that runs may have given up those before again
        while letters := await log.letters(states=states, channel=channel, after=last, limit=500):
            found = [letter.outgoing.outbox_id for letter in letters]
            last = found[-1]
            done += await log.send_again(found)
        return done


def _shown(letter: Letter) -> dict[str, Any]:
    reply = letter.outgoing
    return {
        "id": reply.outbox_id,
        "state": letter.state,
        "conversation": reply.conversation_id,
        "channel": reply.channel,
        "recorded": _time(letter.recorded_at),
        "tries": reply.tries,
        "due": _time(reply.due_at) if reply.due_at else None,
        "error": letter.error,
        "reply": msgspec.to_builtins(reply.reply),
    }


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
