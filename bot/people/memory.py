"""People, sessions and tries in this process: for one server without Redis, and for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.errors import Conflict, NotFound
from bot.people.person import Person
from bot.people.roles import Role
from bot.people.sessions import Session

MOST_KEPT = 10_000

Clock = Callable[[], float]


class MemoryPeople:
    """The People, gone with the process."""

    def __init__(self) -> None:
        self._people: dict[str, Person] = {}

    async def exist(self) -> bool:
        return bool(self._people)

    async def get(self, name: str) -> Person | None:
        return self._people.get(name)

    async def of_subject(self, subject: str) -> Person | None:
        return next((one for one in self._people.values() if one.subject == subject), None)

    async def everybody(self) -> Sequence[Person]:
        return [self._people[name] for name in sorted(self._people)]

    async def add(self, person: Person) -> None:
        taken = person.subject is not None and await self.of_subject(person.subject)
        if taken or person.name in self._people:
            raise Conflict(f"There is a person {person.name!r} already.")
        self._people[person.name] = person

    async def change(
        self,
        name: str,
        *,
        role: Role | None = None,
        password: str | None = None,
        disabled: bool | None = None,
        stamp: str | None = None,
    ) -> None:
        given = {"role": role, "password": password, "disabled": disabled, "stamp": stamp}
        changes = {key: value for key, value in given.items() if value is not None}
        self._people[name] = replace(self._one(name), **changes)  # type: ignore[arg-type]

    async def remove(self, name: str) -> None:
        del self._people[self._one(name).name]

    def _one(self, name: str) -> Person:
        if name not in self._people:
            raise NotFound(f"There is no person {name!r}.")
        return self._people[name]


class MemorySessions:
    """The Sessions of one process."""

    def __init__(self, clock: Clock = time.time) -> None:
        self._clock = clock
        self._sessions: dict[str, tuple[Session, float]] = {}  # and until when, if nobody asks

    async def keep(self, key: str, session: Session, *, idle_s: float) -> None:
        now = self._clock()
        self._sessions = {k: kept for k, kept in self._sessions.items() if kept[1] > now}
        self._sessions[key] = session, now + idle_s

    async def find(self, key: str, *, idle_s: float) -> Session | None:
        now = self._clock()
        session, until = self._sessions.get(key, (None, 0.0))
        if session is None or until <= now:
            return None
        self._sessions[key] = session, now + idle_s
        return session

    async def end(self, key: str) -> None:
        self._sessions.pop(key, None)


class MemoryTries:
    """The Tries of one process, the latest of them."""

    def __init__(self, clock: Clock = time.time) -> None:
        self._clock = clock
        self._tries: dict[str, tuple[int, float]] = {}

    async def count(self, key: str, *, within_s: float) -> tuple[int, float]:
        now = self._clock()
        number, until = self._tries.pop(key, (0, 0.0))
        if until <= now:
            number, until = 0, now + within_s
        self._tries[key] = number + 1, until
        if len(self._tries) > MOST_KEPT:
            del self._tries[next(iter(self._tries))]
        return number + 1, until - now

    async def look(self, key: str) -> tuple[int, float]:
        now = self._clock()
        number, until = self._tries.get(key, (0, 0.0))
        return (number, until - now) if until > now else (0, 0.0)

    async def forget(self, key: str) -> None:
        self._tries.pop(key, None)
