"""The way to Redis: asked with little patience, left alone for a while when it fails.

What is asked while an answer is on its way goes out together, in one pipeline: with many turns
at once a command costs a fraction of a round trip.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import structlog
from hiredis import pack_command
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

from bot.errors import SettingsError, Unavailable
from bot.store.wire import Wire

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


class Script:
    """What Redis runs as one step; it is sent by its hash, and whole when Redis has not seen it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class _Asked:
    what: str
    packed: bytes
    answer: asyncio.Future[Any] | None  # None: nobody waits


class Link:
    """One Redis. The first failure of an outage is logged, and its end; not each call."""

    def __init__(self, client: Redis, *, prefix: str = "parley", patience_s: float = PATIENCE_S):
        self.client = client
        self.patience_s = patience_s
        self._prefix = prefix
        self._wire = Wire(client, patience_s=patience_s)
        self._asked: list[_Asked] = []
        self._sending: asyncio.Task[None] | None = None
        self._failing: set[str] = set()
        self._pause_s = SHORTEST_PAUSE_S
        self._paused_until = 0.0

    def key(self, conversation_id: str, kind: str) -> str:
        """Where ``kind`` of the conversation is; all its keys live on one node of a cluster."""
        return f"{self._prefix}:{{{conversation_id}}}:{kind}"

    async def ask(self, what: str, *command: Word) -> Any:
        """The answer to ``command``; RedisDown when there is none in time, or an error instead."""
        return self._heeded(what, await self._asking(what, command))

    async def run(self, what: str, script: Script, keys: Sequence[str], *words: Word) -> Any:
        """What ``script`` answers; RedisDown as ``ask``."""
        rest = (len(keys), *keys, *words)
        found = await self._asking(what, ("EVALSHA", script.sha, *rest))
        if isinstance(found, NoScriptError):
            found = await self._asking(what, ("EVAL", script.text, *rest))
        return self._heeded(what, found)

    def tell(self, what: str, *command: Word) -> None:
        """Send ``command`` and do not wait; after all that was asked before, or never."""
        if time.monotonic() >= self._paused_until:
            self._put(_Asked(what, _packed(command), None))

    async def _asking(self, what: str, command: tuple[Word, ...]) -> Any:
        if time.monotonic() < self._paused_until:
            raise RedisDown
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._put(_Asked(what, _packed(command), answer))
        return await answer

    def _put(self, asked: _Asked) -> None:
        self._asked.append(asked)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    def _heeded(self, what: str, found: Any) -> Any:
        if isinstance(found, ResponseError):  # it cannot do this: read-only, out of memory
            self.failed(what, found)
            raise RedisDown from found
        if self._failing:
            self.works(what)
        return found

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
            self._pause_s = SHORTEST_PAUSE_S
            for each, found in zip(asked, answers, strict=True):
                if each.answer is None:
                    with suppress(RedisDown):
                        self._heeded(each.what, found)
                elif not each.answer.done():  # or nobody waits for it any more
                    each.answer.set_result(found)

    def _pause(self, error: BaseException) -> None:
        """Leave Redis alone for a while."""
        self._paused_until = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self.failed("connection", error)

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
        """End the connections, once what was asked is answered or was given up."""
        if self._sending is not None:
            await asyncio.gather(self._sending, return_exceptions=True)
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._wire.close()
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


def _packed(command: tuple[Word, ...]) -> bytes:
    # Its types know of commands of one word only.
    packed: bytes = pack_command(cast("tuple[Word]", command))
    return packed


def _give_up(asked: Sequence[_Asked]) -> None:
    for each in asked:
        if each.answer is not None and not each.answer.done():
            each.answer.set_exception(RedisDown())


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
