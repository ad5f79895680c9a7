"""What Redis keeps quick: live trackers, leases, news. It may be lost whole at any time."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from bot.store.base import Lease
from bot.store.kept import RedisTrackers as RedisTrackers
from bot.store.link import PATIENCE_S, Link, RedisDown, Script, connect, heed
from bot.store.memory import MemoryNews
from bot.store.sealing import PLAIN, Seal

LEASE_S = 10.0
RECONNECT_S = 0.5
MOST_LEFT = 10_000

# The holder's token; "!" after it says that somebody else asked for the lease meanwhile.
TAKE = Script("""
local holder = redis.call('GET', KEYS[1])
local ours = holder and (holder == ARGV[1] or holder == ARGV[1] .. '!')
if holder and not ours and holder ~= ARGV[3] and holder ~= ARGV[3] .. '!' then
  if string.sub(holder, -1) ~= '!' then
    redis.call('SET', KEYS[1], holder .. '!', 'KEEPTTL')
  end
  return 0
end
redis.call('SET', KEYS[1], ours and holder or ARGV[1], 'PX', ARGV[2])
return 1
""")
RELEASE = Script("""
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('DEL', KEYS[1])
  return 0
end
if holder == ARGV[1] .. '!' then redis.call('DEL', KEYS[1]) end
return 1
""")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RedisStores:
    """The three stores on one Redis, and the way to it."""

    link: Link
    trackers: RedisTrackers
    leases: RedisLeases
    news: RedisNews


@asynccontextmanager
async def open_redis(
    url: str,
    *,
    prefix: str = "parley",
    model_id: str = "",
    patience_s: float = PATIENCE_S,
    seal: Seal = PLAIN,
) -> AsyncIterator[RedisStores]:
    """The stores at ``url``, closed after the block; whether Redis is there now does not matter.

    ``prefix`` keeps two Parleys on one Redis apart. Trackers of another ``model_id`` are
    not used: they are replayed with the domain of this one.
    """
    link = connect(url, prefix=prefix, patience_s=patience_s)
    news = RedisNews(link)
    listening = asyncio.create_task(news.listen())
    try:
        trackers = RedisTrackers(link, model_id=model_id, seal=seal)
        yield RedisStores(link, trackers, RedisLeases(link), news)
    finally:
        news.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await link.close()


class RedisLeases:
    """Leases that end by themselves ``lease_s`` after their holder died.

    While Redis cannot be reached everybody holds every lease: the comparison at commit alone
    decides then.
    """

    def __init__(self, link: Link, *, lease_s: float = LEASE_S) -> None:
        self._link = link
        self._lease_s = lease_s
        self._name = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        # Leases of ours, by key, whose end Redis did not hear of and may remember after a restart.
        self._left: dict[str, str] = {}

    @asynccontextmanager
    async def hold(self, conversation_id: str, *, kind: str = "lease") -> AsyncIterator[Lease]:
        key, token = self._link.key(conversation_id, kind), f"{self._name}-{next(self._numbers)}"
        try:
            lease = Lease(held=await self._taken(key, token))
        except RedisDown:
            lease = Lease(held=True)
        if not lease.held:
            yield lease
            return
        renewing: list[asyncio.Task[None]] = []  # most leases are given back before it begins
        later = asyncio.get_running_loop().call_later(
            self._lease_s / 3,
            lambda: renewing.append(asyncio.create_task(self._renew(lease, key, token))),
        )
        try:
            yield lease
        finally:
            later.cancel()
            for task in renewing:
                task.cancel()
            await asyncio.gather(*renewing, return_exceptions=True)
            lease.wanted = await self._given_back(key, token)

    async def _renew(self, lease: Lease, key: str, token: str) -> None:
        while True:
            with suppress(RedisDown):
                if not await self._taken(key, token):
                    # The holder stalled too long, or Redis was away when it asked. Its commit is
                    # compared with what is stored.
                    lease.held = False
                    log.warning("lease.lost", lease=key)
                    return
            await asyncio.sleep(self._lease_s / 3)

    async def _taken(self, key: str, token: str) -> bool:
        """Whether the lease is ours from now on, for ``lease_s``; also when Redis had lost it."""
        left, lease_ms = self._left.get(key, token), int(self._lease_s * 1000)
        taken = await self._link.run("lease", TAKE, [key], token, lease_ms, left)
        if taken:
            self._left.pop(key, None)
        return bool(taken)

    async def _given_back(self, key: str, token: str) -> bool:
        """Whether somebody may have been refused the lease while it was ours."""
        try:
            return bool(await self._link.run("release", RELEASE, [key], token))
        except RedisDown:
            self._left.setdefault(key, token)
            if len(self._left) > MOST_LEFT:
                del self._left[next(iter(self._left))]
            return True


class RedisNews:
    """News through Redis' publish and subscribe; within this process without it.

    ``listen`` must run: ``open_redis`` sees to that. After an outage it follows again by itself.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._here = MemoryNews()
        self._name = secrets.token_hex(8)
        self._followed: dict[str, _Followed] = {}  # by Redis' name of the channel
        self._subscribed: dict[str, asyncio.Event] = {}  # set once Redis confirmed it
        self._changed = asyncio.Event()
        self._down = False
        self._closed = False

    async def publish(self, conversation_id: str, note: str) -> None:
        await self._here.publish(conversation_id, note)
        channel, signed = self._link.key(conversation_id, "news"), f"{self._name} {note}"
        self._link.tell("publish", "PUBLISH", channel, signed)

    @asynccontextmanager
    async def follow(self, conversation_id: str) -> AsyncIterator[AsyncIterator[str]]:
        channel = self._link.key(conversation_id, "news")
        followed = self._followed.setdefault(channel, _Followed(conversation_id))
        followed.followers += 1
        self._changed.set()
        try:
            async with self._here.follow(conversation_id) as notes:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0 if self._down else self._link.patience_s):
                        await self._subscribed.setdefault(channel, asyncio.Event()).wait()
                yield notes
        finally:
            followed.followers -= 1
            if not followed.followers:
                del self._followed[channel]
                self._changed.set()

    async def listen(self) -> None:
        """Pass on what other processes publish, until ``close``."""
        while not self._closed:  # a group that breaks while it is cancelled forgets that it was
            try:
                async with (
                    self._link.subscriber() as client,
                    client.pubsub() as subscriber,
                    asyncio.TaskGroup() as both,
                ):
                    # Something to listen to even while nobody is followed.
                    await heed(subscriber.subscribe(self._link.key(self._name, "news")))
                    self._down = False
                    self._link.works("news")
                    both.create_task(self._hear(subscriber))
                    both.create_task(self._adjust(subscriber))
            except* (RedisError, OSError, TimeoutError) as errors:
                self._link.failed("news", errors.exceptions[0])
            self._down = True
            self._subscribed.clear()
            self._changed.set()
            await asyncio.sleep(RECONNECT_S)

    def close(self) -> None:
        """Let ``listen`` end; cancel it to end it now."""
        self._closed = True

    async def _hear(self, subscriber: PubSub) -> None:
        while True:
            match await heed(subscriber.get_message(timeout=None)):
                case {"type": "subscribe", "channel": bytes(channel)}:
                    if confirmed := self._subscribed.get(channel.decode()):
                        confirmed.set()
                case {"type": "message", "channel": bytes(channel), "data": bytes(signed)}:
                    name, _, note = signed.decode(errors="replace").partition(" ")
                    followed = self._followed.get(channel.decode())
                    if followed and name != self._name:  # our own were heard when published
                        await self._here.publish(followed.conversation_id, note)

    async def _adjust(self, subscriber: PubSub) -> None:
        """Keep what is subscribed to the same as what is followed."""
        subscribed: set[str] = set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            followed = set(self._followed)
            left, new = subscribed - followed, followed - subscribed
            for channel in self._subscribed.keys() - followed:
                del self._subscribed[channel]
            if left:
                await heed(subscriber.unsubscribe(*left))
            if new:
                await heed(subscriber.subscribe(*new))
            subscribed = followed


@dataclass(slots=True)
class _Followed:
    """A conversation somebody in this process follows."""

    conversation_id: str
    followers: int = 0
