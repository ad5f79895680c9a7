"""What Redis keeps quick: live trackers, leases, news. It may be lost whole at any time."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from bot.dialogue.tracker import Tracker
from bot.store.link import PATIENCE_S, Link, RedisDown, connect, heed
from bot.store.memory import MemoryNews

REMEMBER_S = 24 * 3600  # a tracker nobody used for so long is replayed from the log
LEASE_S = 10.0
RECONNECT_S = 0.5
MOST_DOUBTED = 10_000

Values = list[bytes | str | int | float]

# Both scripts run on one key, so on one node of a cluster.
KEEP = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
local kept = redis.call('HMGET', KEYS[1], 'form', 'epoch', 'seq')
local epoch, seq = tonumber(kept[2] or '') or -1, tonumber(kept[3] or '') or -1
local new_epoch, new_seq = tonumber(ARGV[2]), tonumber(ARGV[3])
if kept[1] == ARGV[1] and (epoch > new_epoch or (epoch == new_epoch and seq > new_seq)) then
  return 0
end
redis.call('HSET', KEYS[1], 'form', ARGV[1], 'epoch', ARGV[2], 'seq', ARGV[3], 'tracker', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""
TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

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
    url: str, *, prefix: str = "parley", model_id: str = "", patience_s: float = PATIENCE_S
) -> AsyncIterator[RedisStores]:
    """The stores at ``url``, closed after the block; whether Redis is there now does not matter.

    ``prefix`` keeps two Parleys on one Redis apart. Trackers of another ``model_id`` are
    not used: they are replayed with the domain of this one.
    """
    link = connect(url, prefix=prefix, patience_s=patience_s)
    news = RedisNews(link)
    listening = asyncio.create_task(news.listen())
    try:
        yield RedisStores(link, RedisTrackers(link, model_id=model_id), RedisLeases(link), news)
    finally:
        news.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await link.client.aclose()


class RedisTrackers:
    """Trackers as msgpack, with their seq and epoch; one of another build or model is not used."""

    def __init__(self, link: Link, *, model_id: str = "", remember_s: int = REMEMBER_S) -> None:
        self._link = link
        self._remember_s = remember_s
        self._form = f"{_schema_hash()}:{model_id}".encode()
        self._keep = link.client.register_script(KEEP)
        self._tracker = msgspec.msgpack.Decoder(Tracker)
        # Conversations whose kept tracker may be old, because Redis refused the newer one.
        self._doubted: dict[str, None] = {}

    async def load(self, conversation_id: str) -> tuple[Tracker, int] | None:
        if conversation_id in self._doubted:
            return None
        key = self._link.key(conversation_id, "tracker")
        fields = ["form", "epoch", "tracker"]
        try:
            kept: Any = await self._link.ask("load", lambda r: r.hmget(key, fields))
            form, epoch, body = kept
            return (self._tracker.decode(body), int(epoch)) if form == self._form else None
        except RedisDown:
            return None
        except (TypeError, ValueError) as error:  # msgspec's errors are ValueErrors
            log.warning("tracker.unreadable", conversation=conversation_id, error=str(error))
            return None

    async def keep(self, tracker: Tracker, *, epoch: int) -> None:
        conversation_id = tracker.conversation_id
        key = self._link.key(conversation_id, "tracker")
        try:
            body = msgspec.msgpack.encode(tracker)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            log.warning("tracker.not_kept", conversation=conversation_id, error=str(error))
            return await self.forget(conversation_id)
        values: Values = [self._form, epoch, tracker.seq, body, self._remember_s]
        try:
            await self._link.ask("keep", lambda r: self._keep(keys=[key], args=values, client=r))
        except RedisDown:
            return self._doubt(conversation_id)
        self._doubted.pop(conversation_id, None)
        return None

    async def forget(self, conversation_id: str) -> None:
        key = self._link.key(conversation_id, "tracker")
        try:
            await self._link.ask("forget", lambda r: r.delete(key))
        except RedisDown:
            return self._doubt(conversation_id)
        self._doubted.pop(conversation_id, None)
        return None

    def _doubt(self, conversation_id: str) -> None:
        # One dropped here may be loaded though it is old; its commit is refused, and it is
        # forgotten and doubted again.
        self._doubted[conversation_id] = None
        if len(self._doubted) > MOST_DOUBTED:
            del self._doubted[next(iter(self._doubted))]


class RedisLeases:
    """Leases that end by themselves ``lease_s`` after their holder died.

    While Redis cannot be reached everybody holds every lease: the comparison at commit alone
    decides then.
    """

    def __init__(self, link: Link, *, lease_s: float = LEASE_S) -> None:
        self._link = link
        self._lease_s = lease_s
        self._take = link.client.register_script(TAKE)
        self._release = link.client.register_script(RELEASE)
        # Leases of ours, by key, whose end Redis did not hear of and may remember after a restart.
        self._left: dict[str, str] = {}

    @asynccontextmanager
    async def hold(self, conversation_id: str) -> AsyncIterator[bool]:
        key, token = self._link.key(conversation_id, "lease"), secrets.token_hex(8)
        try:
            taken = await self._taken(key, token)
        except RedisDown:
            taken = True
        if not taken:
            yield False
            return
        renewing = asyncio.create_task(self._renew(conversation_id, key, token))
        try:
            yield True
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            try:
                await self._link.ask(
                    "release", lambda r: self._release(keys=[key], args=[token], client=r)
                )
            except RedisDown:
                self._left.setdefault(key, token)
                if len(self._left) > MOST_DOUBTED:
                    del self._left[next(iter(self._left))]

    async def _renew(self, conversation_id: str, key: str, token: str) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            with suppress(RedisDown):
                if not await self._taken(key, token):
                    # The holder stalled too long. Its commit is compared with what is stored.
                    log.warning("lease.lost", conversation=conversation_id)
                    return

    async def _taken(self, key: str, token: str) -> bool:
        """Whether the lease is ours from now on, for ``lease_s``; also when Redis had lost it."""
        values: Values = [token, int(self._lease_s * 1000), self._left.get(key, token)]
        taken: Any = await self._link.ask(
            "lease", lambda r: self._take(keys=[key], args=values, client=r)
        )
        if taken:
            self._left.pop(key, None)
        return bool(taken)


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
        with suppress(RedisDown):
            await self._link.ask("publish", lambda r: r.publish(channel, signed))

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
            for channel in left:
                self._subscribed.pop(channel, None)
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


def _schema_hash() -> str:
    """Changes when the fields of a tracker, or of anything in it, do."""
    schema = msgspec.json.encode(msgspec.json.schema(Tracker), order="deterministic")
    return hashlib.sha256(schema).hexdigest()[:16]
