"""The way to Redis: asked with little patience, left alone for a while when it fails.

What is asked while an answer is on its way goes out together, in one pipeline: with many turns
at once a command costs a fraction of a round trip.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from bot.errors import SettingsError, Unavailable

PATIENCE_S = 0.25
CONNECTIONS = 50
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 2.0
REACH_S = 3.0
ASK_AGAIN_S = 0.1

Answer = TypeVar("Answer")
Word = bytes | str | int | float
log = structlog.get_logger(__name__)


class RedisDown(Exception):
    """Redis did not do what it was asked; who asks knows how to do without."""


class Link:
    """One Redis. The first failure of an outage is logged, and its end; not each call."""

    def __init__(self, client: Redis, *, prefix: str = "parley", patience_s: float = PATIENCE_S):
        self.client = client
        self.patience_s = patience_s
        self._prefix = prefix
        self._asked: list[tuple[tuple[Word, ...], asyncio.Future[Any]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._failing: set[str] = set()
        self._pause_s = SHORTEST_PAUSE_S
        self._paused_until = 0.0

    def key(self, conversation_id: str, kind: str) -> str:
        """Where ``kind`` of the conversation is; all its keys live on one node of a cluster."""
        return f"{self._prefix}:{{{conversation_id}}}:{kind}"

    async def ask(self, what: str, *command: Word) -> Any:
        """The answer to ``command``; RedisDown when there is none in time, or an error instead."""
        if time.monotonic() < self._paused_until:
            raise RedisDown
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append((command, answer))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        try:
            async with asyncio.timeout(self.patience_s):
                found = await answer
        except ResponseError as error:  # it is there, but cannot do this: read-only, out of memory
            self.failed(what, error)
            raise RedisDown from error
        except (RedisError, OSError, TimeoutError) as error:
            self._paused_until = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            self.failed("connection", error)
            raise RedisDown from error
        self._pause_s = SHORTEST_PAUSE_S
        self.works(what)
        return found

    async def _send(self) -> None:
        """Send what was asked, and what is asked meanwhile, until nothing is left."""
        while self._asked:
            asked, self._asked = self._asked, []
            pipeline = self.client.pipeline(transaction=False)
            for command, _ in asked:
                pipeline.execute_command(*command)
            try:
                answers = await pipeline.execute(raise_on_error=False)
            except (RedisError, OSError, TimeoutError) as error:
                answers = [error] * len(asked)
            for (_, future), found in zip(asked, answers, strict=True):
                if future.done():  # nobody waits for it any more
                    continue
                if isinstance(found, BaseException):
                    future.set_exception(found)
                else:
                    future.set_result(found)

    async def ping(self) -> bool:
        """Whether it answers now."""
        try:
            await self.ask("ping", "PING")
        except RedisDown:
            return False
        return True

    def subscriber(self) -> Redis:
        """A client on a connection of its own, not opened again when it breaks."""
        options = self.client.connection_pool.connection_kwargs
        pool = ConnectionPool(
            connection_class=self.client.connection_pool.connection_class,
            **{**options, "retry": Retry(NoBackoff(), 0)},
        )
        return Redis.from_pool(pool)

    async def close(self) -> None:
        """End the connections; what was asked just now is not answered."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self.client.aclose()

    def failed(self, what: str, error: BaseException) -> None:
        """Note that ``what`` does not work; logged unless that is known."""
        if what not in self._failing:
            self._failing.add(what)
            log.warning("redis.failing", what=what, error=str(error) or type(error).__name__)

    def works(self, what: str) -> None:
        """Note that ``what`` works, so the connection does too."""
        for working in self._failing & {what, "connection"}:
            self._failing.discard(working)
            log.info("redis.works", what=working)


def connect(url: str, *, prefix: str = "parley", patience_s: float = PATIENCE_S) -> Link:
    """A Link to ``url``; nothing is sent yet."""
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=patience_s,
            socket_timeout=patience_s,
            socket_connect_timeout=patience_s,
            # A connection that died while idle, as after a restart, is opened again once.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        )
    except ValueError as error:
        raise SettingsError(f"The Redis URL cannot be read: {error}") from error
    return Link(Redis.from_pool(pool), prefix=prefix, patience_s=patience_s)


async def reach(url: str, *, within_s: float = REACH_S) -> None:
    """Return once there is a Redis at ``url`` that answers. Raises Unavailable.

    One that is starting, or reads its file, has ``within_s`` for it.
    """
    link = connect(url, patience_s=within_s)
    options = link.client.connection_pool.connection_kwargs
    place = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
    why: BaseException = TimeoutError(f"no answer within {within_s:g} s")
    try:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    await heed(_awaitable(link.client.ping()))
                    return
                except (RedisError, OSError) as error:
                    why = error
                await asyncio.sleep(ASK_AGAIN_S)
    except TimeoutError:
        raise Unavailable(
            f"The Redis at {place} cannot be used: {str(why).rstrip('.')}. Start it, or name"
            " another: PARLEY_REDIS_URL, or lock_store in endpoints.yml."
        ) from why
    finally:
        await link.client.aclose()


async def heed(command: Awaitable[Answer]) -> Answer:
    """The answer to ``command``, unless this task was cancelled meanwhile and it was lost.

    redis-py waits with ``asyncio.wait_for``, which before Python 3.12 may drop a cancellation that
    comes together with the answer (CPython issue 86296).
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    answer = await command
    if task and task.cancelling() > before:
        raise asyncio.CancelledError
    return answer


async def _awaitable(answer: Any) -> Any:
    """redis-py types some answers as "awaitable or not"; here they always are."""
    return await answer
