"""The way to Redis, wherever it is: one server, one that Sentinel names, or a Cluster."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from bot.errors import Unavailable
from bot.store.cluster import Cluster
from bot.store.node import Command, Node
from bot.store.node import RedisDown as RedisDown
from bot.store.node import Word as Word
from bot.store.place import Place, read_place
from bot.store.wire import heed as heed

PATIENCE_S = 0.25
REACH_S = 3.0
ASK_AGAIN_S = 0.1

log = structlog.get_logger(__name__)


class Script:
    """What Redis runs as one step; it is sent by its hash, and whole when Redis has not seen it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Way(Protocol):
    """A ``Node`` or a ``Cluster``."""

    async def ask(self, *commands: Command) -> Any: ...

    def tell(self, command: Command) -> None: ...

    async def reach(self) -> None: ...

    async def ping(self) -> bool: ...

    async def close(self) -> None: ...


class Link:
    """One Redis. The first failure of each thing asked of it is logged, and its end."""

    def __init__(self, place: Place, *, prefix: str = "parley", patience_s: float = PATIENCE_S):
        self.patience_s = patience_s
        self._place = place
        self._prefix = prefix
        self._failing: set[str] = set()
        self._way: Way
        if place.kind == "cluster":
            self._way = Cluster(place, patience_s=patience_s)
        else:
            self._way = Node(str(place), place.connections(patience_s), patience_s=patience_s)

    @property
    def is_beside(self) -> bool:
        """Whether it is on this machine, behind a socket of the file system."""
        return "path" in self._place.options

    def key(self, conversation_id: str, kind: str) -> str:
        """Where ``kind`` of the conversation is; all its keys live on one node of a cluster."""
        return f"{self._prefix}:{{{_tag(conversation_id)}}}:{kind}"

    async def ask(self, what: str, *command: Word) -> Any:
        """The answer to ``command``; RedisDown when there is none in time, or an error instead."""
        return self._heeded(what, await self._way.ask(command))

    async def run(self, what: str, script: Script, keys: Sequence[str], *words: Word) -> Any:
        """What ``script`` answers; RedisDown as ``ask``. On a Cluster all keys have one tag."""
        rest = (len(keys), *keys, *words)
        found = await self._way.ask(("EVALSHA", script.sha, *rest))
        if isinstance(found, NoScriptError):
            found = await self._way.ask(("EVAL", script.text, *rest))
        return self._heeded(what, found)

    def tell(self, what: str, *command: Word) -> None:
        """Send ``command`` and do not wait; after all that was asked before, or never."""
        self._way.tell(command)

    def _heeded(self, what: str, found: Any) -> Any:
        if isinstance(found, ResponseError):  # it cannot do this: read-only, out of memory
            self.failed(what, found)
            raise RedisDown from found
        if self._failing:
            self.works(what)
        return found

    async def ping(self) -> bool:
        """Whether it answers now, all of it."""
        return await self._way.ping()

    async def reach(self) -> None:
        """Return if it answers, all of it. Raises RedisError, OSError or TimeoutError."""
        await self._way.reach()

    def subscriber(self) -> Redis:
        """A client on a connection of its own, not opened again when it breaks.

        What is published at one node of a Cluster is heard at any.
        """
        pool = self._pool()
        pool.connection_kwargs["retry"] = Retry(NoBackoff(), 0)
        return Redis.from_pool(pool)

    def _pool(self) -> ConnectionPool:
        if isinstance(self._way, Cluster):
            return self._way.pool()
        return self._place.connections(self.patience_s)

    async def close(self) -> None:
        """End the connections, once what was asked is answered or was given up."""
        await self._way.close()

    def failed(self, what: str, error: BaseException) -> None:
        """Note that ``what`` does not work; logged unless that is known."""
        if what not in self._failing:
            self._failing.add(what)
            log.warning("redis.failing", what=what, error=str(error) or type(error).__name__)

    def works(self, what: str) -> None:
        """Note that ``what`` works."""
        if what in self._failing:
            self._failing.discard(what)
            log.info("redis.works", what=what)


def connect(url: str, *, prefix: str = "parley", patience_s: float = PATIENCE_S) -> Link:
    """A Link to ``url``; nothing is sent yet. Raises SettingsError."""
    return Link(read_place(url), prefix=prefix, patience_s=patience_s)


async def reach(url: str, *, within_s: float = REACH_S) -> None:
    """Return once there is a Redis at ``url`` that answers. Raises Unavailable.

    One that is starting, or reads its file, has ``within_s`` for it.
    """
    place = read_place(url)
    link = Link(place, patience_s=within_s)
    why: BaseException = TimeoutError(f"no answer within {within_s:g} s")
    try:
        async with asyncio.timeout(within_s):
            while True:
                try:
                    await link.reach()
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
        await link.close()


def _tag(conversation_id: str) -> str:
    """``conversation_id`` as the tag of a key: not empty, and without a brace that ends it."""
    if "}" not in conversation_id and "%" not in conversation_id:
        return conversation_id or "%"
    return conversation_id.replace("%", "%25").replace("}", "%7D")
