"""Live trackers in Redis: what is new is written and read, so a long conversation costs no more.

Of a conversation Redis has a hash, where it stands, and a list of the events that the tracker
carries. This process also remembers the trackers it had in hand last: then only the events that
others added since have to come.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from bot.dialogue.events import Event
from bot.dialogue.tracker import Tracker
from bot.errors import Unavailable
from bot.store.base import Stand
from bot.store.link import Link, RedisDown, Script, Word
from bot.store.rewriting import rewrite
from bot.store.sealing import PLAIN, Locked, Seal

REMEMBER_S = 24 * 3600  # a tracker nobody used for so long is replayed from the log
KNOWN_S = 3600.0  # one in this process's memory, so that it ends before an erased one's epoch does
MOST_DOUBTED = 10_000
DOWN = "Redis does not answer; what it keeps of the conversation ends by itself within a day."
MOST_EVENTS = 8_000  # of all trackers that a process remembers; about 0.6 KiB each

# Scripts on the two keys of one conversation, so on one node of a cluster. A hash that is not
# ours, or whose list is not as long as it says (Redis may evict one of two), is none.
_STANDS = """
local function stands()
  if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return nil end
  local kept = redis.call('HMGET', KEYS[1], 'form', 'epoch', 'seq', 'first')
  if kept[1] ~= ARGV[1] then return nil end
  local epoch, seq, first = tonumber(kept[2]), tonumber(kept[3]), tonumber(kept[4])
  if not (epoch and seq and first and redis.call('LLEN', KEYS[2]) == seq - first) then
    return nil
  end
  return epoch, seq, first
end
"""
# Of who has `have` events from `first` on at `epoch`, only the rest; else all, and the origin.
LOAD = Script(
    _STANDS
    + """
local epoch, seq, first = stands()
if not epoch then return {} end
local from, origin = tonumber(ARGV[4]), ''
if from == 0 or epoch ~= tonumber(ARGV[2]) or first ~= tonumber(ARGV[3]) or seq < first + from then
  from, origin = 0, redis.call('HGET', KEYS[1], 'origin')
end
return {epoch, from, origin, redis.call('LRANGE', KEYS[2], from, -1)}
"""
)
# 0: Redis has not what the events go on from; all of them are wanted. An older one changes nothing,
# nor does one from before the conversation was erased.
KEEP = Script(
    _STANDS
    + """
local epoch, seq, first = stands()
local new_epoch, new_seq, new_first = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local from = tonumber(ARGV[5])
if not epoch and redis.call('TYPE', KEYS[1]).ok == 'hash' then
  local kept = redis.call('HMGET', KEYS[1], 'form', 'epoch')
  if kept[1] == 'erased' and tonumber(kept[2]) > new_epoch then return 1 end
end
if epoch and (epoch > new_epoch or (epoch == new_epoch and seq > new_seq)) then return 1 end
if from > 0 and not (epoch == new_epoch and first == new_first and seq == first + from) then
  return 0
end
if from == 0 then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'form', ARGV[1], 'origin', ARGV[6])
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'seq', ARGV[3], 'first', ARGV[4])
if #ARGV > 7 then redis.call('RPUSH', KEYS[2], unpack(ARGV, 8)) end
redis.call('EXPIRE', KEYS[1], ARGV[7])
redis.call('EXPIRE', KEYS[2], ARGV[7])
return 1
"""
)
# What keeps an erased conversation's turns out stays.
FORGET = Script("""
redis.call('DEL', KEYS[2])
if redis.call('TYPE', KEYS[1]).ok == 'hash' and redis.call('HGET', KEYS[1], 'form') == 'erased' then
  return 0
end
return redis.call('DEL', KEYS[1])
""")
# How many events went; a turn that began before cannot keep its tracker any more.
ERASE = Script("""
local count = redis.call('TYPE', KEYS[2]).ok == 'list' and redis.call('LLEN', KEYS[2]) or 0
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'form', 'erased', 'epoch', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return count
""")

log = structlog.get_logger(__name__)


class Origin(msgspec.Struct, frozen=True):
    """What the events in the list go on from: a tracker without events."""

    tracker: Tracker
    is_sum: bool  # of older events; else nothing has happened yet


class RedisTrackers:
    """Trackers as msgpack, with their seq and epoch; one of another build or model is not used."""

    def __init__(
        self,
        link: Link,
        *,
        model_id: str = "",
        remember_s: int = REMEMBER_S,
        seal: Seal = PLAIN,
    ) -> None:
        self._link, self._seal = link, seal
        self._remember_s = remember_s
        self._form = f"{_schema_hash()}:{model_id}".encode()
        self._origin = msgspec.msgpack.Decoder(Origin)
        self._event = msgspec.msgpack.Decoder(Event)
        self._known = Known()
        # Conversations whose kept tracker may be old, because Redis refused the newer one.
        self._doubted: dict[str, None] = {}

    async def load(
        self, conversation_id: str, *, stands: Stand | None = None
    ) -> tuple[Tracker, int] | None:
        if conversation_id in self._doubted:
            return None
        known = self._known.get(conversation_id)
        if known is not None and (known[0].seq, known[1]) == stands:
            return known
        have: tuple[int, ...] = (-1, 0, 0)
        if known is not None:
            have = (known[1], known[0].first, len(known[0].events))
        try:
            kept = await self._run("load", LOAD, conversation_id, *have)
            found = self._read(conversation_id, kept, known)
        except RedisDown:
            return None
        except (TypeError, ValueError, Locked) as error:  # msgspec's errors are ValueErrors
            log.warning("tracker.unreadable", conversation=conversation_id, error=str(error))
            return None
        if found is None:
            self._known.drop(conversation_id)
        else:
            self._known.put(*found)
        return found

    async def keep(self, tracker: Tracker, *, epoch: int) -> None:
        conversation_id = tracker.conversation_id
        try:
            if not await self._kept(tracker, epoch, self._known_of(tracker, epoch)):
                await self._kept(tracker, epoch, 0)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            log.warning("tracker.not_kept", conversation=conversation_id, error=str(error))
            return await self.forget(conversation_id)
        except RedisDown:
            return self._doubt(conversation_id)
        self._doubted.pop(conversation_id, None)
        return None

    async def forget(self, conversation_id: str) -> None:
        self._known.drop(conversation_id)
        try:
            await self._link.run("forget", FORGET, self._keys(conversation_id))
        except RedisDown:
            return self._doubt(conversation_id)
        self._doubted.pop(conversation_id, None)
        return None

    async def kept_events(self, conversation_id: str) -> list[Event]:
        """The events that Redis has. Raises Unavailable."""
        where, events = self._keys(conversation_id)
        try:
            first = await self._link.ask("export", "HGET", where, "first")
            rows = await self._link.ask("export", "LRANGE", events, 0, -1)
        except RedisDown as down:
            raise Unavailable(DOWN) from down
        return self._opened(conversation_id, int(first or 0), rows)

    async def erase(self, conversation_id: str, *, epoch: int) -> int:
        """Forget the conversation, and refuse what was kept of it before ``epoch``; how many
        events went. Raises Unavailable, unlike ``forget``.
        """
        self._known.drop(conversation_id)
        try:
            erased = await self._run("erase", ERASE, conversation_id, epoch, self._remember_s)
        except RedisDown as down:
            self._doubt(conversation_id)
            raise Unavailable(DOWN) from down
        await rewrite(self._link)
        return int(erased)

    def _opened(self, conversation_id: str, seq: int, rows: Sequence[bytes]) -> list[Event]:
        """Events as they are kept, after that number of events."""
        opened, of = self._seal.open_bytes, conversation_id
        return [
            self._event.decode(opened(row, "kept", of, at)) for at, row in enumerate(rows, seq + 1)
        ]

    def _read(
        self, conversation_id: str, kept: Sequence[Any], known: tuple[Tracker, int] | None
    ) -> tuple[Tracker, int] | None:
        if not kept:
            return None
        epoch, _, origin, events = kept
        if origin:
            begun = self._origin.decode(self._seal.open_bytes(origin, "origin", conversation_id))
            base = begun.tracker if begun.is_sum else None
            tracker = msgspec.structs.replace(begun.tracker, base=base)
        elif known is not None:
            tracker = known[0]
        else:
            return None
        return tracker.apply_all(self._opened(conversation_id, tracker.seq, events)), epoch

    async def _kept(self, tracker: Tracker, epoch: int, known: int) -> bool:
        """Whether Redis had the first ``known`` events already, and has all of them now."""
        closed, of = self._seal.close_bytes, tracker.conversation_id
        origin = b"" if known else closed(msgspec.msgpack.encode(_origin(tracker)), "origin", of)
        stands = (epoch, tracker.seq, tracker.first, known, origin, self._remember_s)
        events = [
            closed(msgspec.msgpack.encode(event), "kept", of, at)
            for at, event in enumerate(tracker.events[known:], tracker.first + known + 1)
        ]
        kept = await self._run("keep", KEEP, tracker.conversation_id, *stands, *events)
        if kept:
            self._known.put(tracker, epoch)
        return bool(kept)

    def _known_of(self, tracker: Tracker, epoch: int) -> int:
        """How many of its events Redis has, as far as is known here."""
        known = self._known.get(tracker.conversation_id)
        if known is None or known[1] != epoch or known[0].first != tracker.first:
            return 0
        have = len(known[0].events)
        return have if have <= len(tracker.events) else 0

    async def _run(self, what: str, script: Script, conversation_id: str, *words: Word) -> Any:
        keys = self._keys(conversation_id)
        return await self._link.run(what, script, keys, self._form, *words)

    def _keys(self, conversation_id: str) -> tuple[str, str]:
        kinds = ("tracker", "events")
        return self._link.key(conversation_id, kinds[0]), self._link.key(conversation_id, kinds[1])

    def _doubt(self, conversation_id: str) -> None:
        # One dropped here may be loaded though it is old; its commit is refused, and it is
        # forgotten and doubted again.
        self._known.drop(conversation_id)
        self._doubted[conversation_id] = None
        if len(self._doubted) > MOST_DOUBTED:
            del self._doubted[next(iter(self._doubted))]


class Known:
    """The trackers this process had in hand last, with their epochs; bounded by their events.

    One that was not in hand for an hour is forgotten when it is asked for.
    """

    def __init__(
        self,
        *,
        most_events: int = MOST_EVENTS,
        known_s: float = KNOWN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_events, self._known_s, self._clock = most_events, known_s, clock
        self._events = 0
        self._trackers: OrderedDict[str, tuple[Tracker, int]] = OrderedDict()
        self._since: dict[str, float] = {}

    def get(self, conversation_id: str) -> tuple[Tracker, int] | None:
        """What is known of the conversation."""
        known = self._trackers.get(conversation_id)
        if known is not None and self._clock() - self._since[conversation_id] > self._known_s:
            self.drop(conversation_id)
            return None
        return known

    def put(self, tracker: Tracker, epoch: int) -> None:
        """Remember ``tracker``, and forget those not used for longest when it is too much."""
        self.drop(tracker.conversation_id)
        self._trackers[tracker.conversation_id] = (tracker, epoch)
        self._since[tracker.conversation_id] = self._clock()
        self._events += len(tracker.events)
        while self._events > self._most_events and len(self._trackers) > 1:
            self.drop(next(iter(self._trackers)))

    def drop(self, conversation_id: str) -> None:
        """Forget the conversation."""
        if known := self._trackers.pop(conversation_id, None):
            self._events -= len(known[0].events)
            del self._since[conversation_id]


def _origin(tracker: Tracker) -> Origin:
    if tracker.base is not None:
        return Origin(tracker.base, is_sum=True)
    blank = Tracker(tracker.conversation_id, tracker.shapes, seq=tracker.first)
    return Origin(blank.reborn(), is_sum=False)


def _schema_hash() -> str:
    """Changes when the fields of a tracker, or of anything in it, do."""
    schema = msgspec.json.encode(msgspec.json.schema(Tracker), order="deterministic")
    return hashlib.sha256(schema).hexdigest()[:16]
