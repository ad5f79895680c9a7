"""One Redis server: asked with little patience, left alone for a while when it fails.

What is asked while an answer is on its way goes out together, in one pipeline: with many turns
at once a command costs a fraction of a round trip.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import structlog
from hiredis import pack_command
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import RedisError, ResponseError

from bot.errors import SettingsError
from bot.store.wire import Wire

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 2.0

Word = bytes | str | int | float
Command = tuple[Word, ...]
log = structlog.get_logger(__name__)


class RedisDown(Exception):
    """Redis did not do what it was asked; who asks knows how to do without."""


@dataclass(frozen=True, slots=True)
class _Asked:
    packed: bytes
    answer: asyncio.Future[Any] | None  # None: nobody waits


class Node:
    """One server. The first failure of an outage is logged, and its end; not each call."""

    def __init__(self, place: str, pool: ConnectionPool, *, patience_s: float) -> None:
        self._place = place
        try:
            self._wire = Wire(pool, patience_s=patience_s)
        except TypeError as error:
            raise SettingsError(f"The Redis URL has an option of no effect: {error}") from error
        self._asked: list[_Asked] = []
        self._sending: asyncio.Task[None] | None = None
        self._failing = False
        self._pause_s = SHORTEST_PAUSE_S
        self._paused_until = 0.0

    async def ask(self, *commands: Command) -> Any:
        """The answer to the last of ``commands``, sent together; an error where it was refused.

        Raises RedisDown when there is none in time.
        """
        if time.monotonic() < self._paused_until:
            raise RedisDown
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        *before, last = commands
        for command in before:
            self._put(_Asked(_packed(command), None))
        self._put(_Asked(_packed(last), answer))
        return await answer

    def tell(self, command: Command) -> None:
        """Send ``command`` and do not wait; after all that was asked before, or never."""
        if time.monotonic() >= self._paused_until:
            self._put(_Asked(_packed(command), None))

    async def reach(self) -> None:
        """Return if it answers. Raises RedisError, OSError or TimeoutError."""
        (answer,) = await self._wire.exchange([_packed(("PING",))])
        if isinstance(answer, ResponseError):
            raise answer

    async def ping(self) -> bool:
        """Whether it answers now."""
        try:
            return not isinstance(await self.ask(("PING",)), RedisError)
        except RedisDown:
            return False

    async def close(self) -> None:
        """End the connection, once what was asked is answered or was given up."""
        if self._sending is not None:
            await asyncio.gather(self._sending, return_exceptions=True)
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._wire.close()

    def _put(self, asked: _Asked) -> None:
        self._asked.append(asked)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        """Send what was asked, and what is asked meanwhile, until nothing is left."""
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                answers = await self._wire.exchange([each.packed for each in asked])
            except (RedisError, OSError, TimeoutError) as error:
                self._pause(error)
                # What was asked meanwhile would wait as long, and in vain.
                asked, self._asked = [*asked, *self._asked], []
                _give_up(asked)
                continue
            except asyncio.CancelledError:
                _give_up(asked)
                raise
            self._works()
            for each, found in zip(asked, answers, strict=True):
                if each.answer is not None and not each.answer.done():
                    each.answer.set_result(found)

    def _pause(self, error: BaseException) -> None:
        """Leave it alone for a while."""
        self._paused_until = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        if not self._failing:
            self._failing = True
            why = str(error) or type(error).__name__
            log.warning("redis.failing", what="connection", place=self._place, error=why)

    def _works(self) -> None:
        self._pause_s = SHORTEST_PAUSE_S
        if self._failing:
            self._failing = False
            log.info("redis.works", what="connection", place=self._place)


def _packed(command: Command) -> bytes:
    # Its types know of commands of one word only.
    packed: bytes = pack_command(cast("tuple[Word]", command))
    return packed


def _give_up(asked: Sequence[_Asked]) -> None:
    for each in asked:
        if each.answer is not None and not each.answer.done():
            each.answer.set_exception(RedisDown())
