"""One connection to Redis, on which commands go out together and answers come back in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

Answer = TypeVar("Answer")


class Wire:
    """Opened when something is asked, and again after it broke; used by one task at a time."""

    def __init__(self, pool: ConnectionPool, *, patience_s: float) -> None:
        self._pool = pool  # which knows the way, where that may change
        # Patience is had once for all that goes out together, not for each answer.
        options = {**pool.connection_kwargs, "socket_timeout": None}
        self._connection: AbstractConnection = pool.connection_class(**options)
        self._patience_s = patience_s

    async def exchange(self, packed: Sequence[bytes]) -> list[Any]:
        """The answers to commands, each as Redis reads it; an error where one was refused.

        Raises RedisError, OSError and TimeoutError, after which nothing is known of any of them.
        """
        together = b"".join(packed)
        async with asyncio.timeout(self._patience_s):
            try:
                return await heed(self._answers(together, len(packed)))
            except RedisConnectionError:
                # It died while idle, as after a restart of Redis: once more on a new one.
                return await heed(self._answers(together, len(packed)))

    async def close(self) -> None:
        await self._connection.disconnect()
        await self._pool.aclose()

    async def _answers(self, together: bytes, count: int) -> list[Any]:
        if not self._connection.is_connected:
            # To whom Sentinel names now, where it is asked.
            await self._connection.connect()  # type: ignore[no-untyped-call]
        await self._connection.send_packed_command(together, check_health=False)
        return [await self._answer() for _ in range(count)]

    async def _answer(self) -> Any:
        try:
            return await self._connection.read_response()
        except ResponseError as error:
            return error


async def heed(command: Awaitable[Answer]) -> Answer:
    """The answer to ``command``, unless this task was cancelled meanwhile and it was lost.

    redis-py waits with ``asyncio.wait_for``, which before Python 3.12 may drop a cancellation that
    comes together with the answer, or with an error (CPython issue 86296).
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        return await command
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError
