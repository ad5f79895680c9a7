"""Sessions and tries in Redis, so that every server knows them."""

from __future__ import annotations

import msgspec

from bot.errors import Unavailable
from bot.people.sessions import Session
from bot.store.link import Link, RedisDown, Script

COUNT = Script("""
local number = redis.call('INCR', KEYS[1])
if number == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {number, redis.call('PTTL', KEYS[1])}
""")

LOOK = Script("return {redis.call('GET', KEYS[1]) or 0, redis.call('PTTL', KEYS[1])}")

_sessions = msgspec.json.Decoder(Session)


class RedisSessions:
    """The Sessions. One that Redis forgot is over: its person signs in again."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def keep(self, key: str, session: Session, *, idle_s: float) -> None:
        text = msgspec.json.encode(session)
        await self._ask("SET", self._key(key), text, "PX", int(idle_s * 1000))

    async def find(self, key: str, *, idle_s: float) -> Session | None:
        found = await self._ask("GETEX", self._key(key), "PX", int(idle_s * 1000))
        return None if found is None else _sessions.decode(found)

    async def end(self, key: str) -> None:
        await self._ask("DEL", self._key(key))

    def _key(self, key: str) -> str:
        return self._link.key(key, "session")

    async def _ask(self, *command: bytes | str | int) -> bytes | None:
        try:
            found: bytes | None = await self._link.ask("session", *command)
        except RedisDown as error:
            raise Unavailable("Redis does not answer, which knows who has signed in.") from error
        return found


class RedisTries:
    """The Tries of all servers."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def count(self, key: str, *, within_s: float) -> tuple[int, float]:
        return await self._run(COUNT, key, int(within_s * 1000))

    async def look(self, key: str) -> tuple[int, float]:
        return await self._run(LOOK, key)

    async def forget(self, key: str) -> None:
        self._link.tell("tries", "DEL", self._key(key))

    async def _run(self, script: Script, key: str, *args: int) -> tuple[int, float]:
        try:
            number, left_ms = await self._link.run("tries", script, [self._key(key)], *args)
        except RedisDown as error:
            raise Unavailable("Redis does not answer, which counts wrong passwords.") from error
        return int(number), max(int(left_ms), 0) / 1000

    def _key(self, key: str) -> str:
        return self._link.key(key, "tries")
