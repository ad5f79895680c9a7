"""What channels tell their services when the server starts, until it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from bot.channels.base import Begins, Channel
from bot.errors import Unavailable

AGAIN_S = (1.0, 5.0, 30.0, 300.0)  # the last one for ever

log = structlog.get_logger(__name__)


async def begin(channels: Mapping[str, Channel]) -> None:
    """Let every channel begin; one whose service is away does so once it is back."""
    await asyncio.gather(*(_begin(one) for one in channels.values() if isinstance(one, Begins)))


async def _begin(channel: Begins) -> None:
    name = getattr(channel, "name", "")
    for tried in range(10**9):
        try:
            await channel.begin()
        except Unavailable as error:
            log.warning("channel.not_begun", channel=name, error=str(error))
            await asyncio.sleep(AGAIN_S[min(tried, len(AGAIN_S) - 1)])
        except Exception as error:
            log.error("channel.not_begun", channel=name, error=str(error))
            return
        else:
            return
