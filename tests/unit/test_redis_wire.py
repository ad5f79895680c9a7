"""What a connection to Redis is asked ends in time, whatever becomes of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.store.wire import Wire, heed


class Breaking:
    """Breaks at the very moment at which nobody wants to wait any more; then says nothing."""

    is_connected = True

    def __init__(self, **options: Any) -> None:
        self.broken = False

    async def send_packed_command(self, packed: bytes, *, check_health: bool) -> None:
        """Goes out."""

    async def read_response(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self.broken:
                raise
            self.broken = True
            # As asyncio.wait_for does before Python 3.12 (CPython issue 86296).
            raise RedisConnectionError("broken") from None


async def test_a_connection_that_breaks_as_the_time_is_up_is_not_waited_for_for_ever():
    pool = ConnectionPool(connection_class=Breaking)  # type: ignore[arg-type]
    wire = Wire(pool, patience_s=0.01)
    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            await wire.exchange([b"PING"])


async def test_a_cancellation_is_heeded_though_what_was_awaited_fails():
    async def failing() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RedisConnectionError("broken") from None

    task = asyncio.create_task(heed(failing()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
