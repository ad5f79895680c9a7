"""Signing in, with a password, and who has signed in."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog

from bot.errors import BadRequest, Conflict, ParleyError
from bot.people.caller import NotAuthorized
from bot.people.memory import MemoryPeople, MemorySessions, MemoryTries
from bot.people.openid import OpenId
from bot.people.passwords import Passwords
from bot.people.person import People, Person, name_of, new_stamp
from bot.people.sessions import Lifetimes, Session, Sessions, Tries, key_of, new_id
from bot.people.vouching import Vouched

WITHIN_S = 900.0
USUAL = Lifetimes(idle_s=3600.0, most_s=43_200.0)
MOST_TRIES = {"both": 5, "name": 50, "address": 100}
"""Wrong passwords within ``WITHIN_S``: of one name from one address, of one name, of one address.

The first keeps a guesser out and nobody else; the others slow down who has many addresses or tries
many names.
"""

log = structlog.get_logger(__name__)


class WrongPassword(ParleyError):
    """The name and the password do not belong together; which of them is wrong is not told."""

    status = 401
    reason = "NotAuthenticated"


class TooManyTries(ParleyError):
    """Too many tries to sign in; ask again in ``retry_after_s``."""

    status = 429
    reason = "TooManyTries"

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = max(1, round(retry_after_s))
        super().__init__(f"Too many tries to sign in. Try again in {self.retry_after_s} seconds.")


class Access:
    """People, and their sessions. Close it.

    Without stores it is for one process and nobody, until somebody is added.
    """

    def __init__(
        self,
        people: People | None = None,
        sessions: Sessions | None = None,
        tries: Tries | None = None,
        *,
        passwords: Passwords | None = None,
        lifetimes: Lifetimes = USUAL,
        openid: OpenId | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.openid = openid
        self.people: People = people or MemoryPeople()
        self._sessions: Sessions = sessions or MemorySessions(clock)
        self._tries: Tries = tries or MemoryTries(clock)
        self._passwords = passwords or Passwords()
        self.lifetimes = lifetimes
        self._anybody = False
        self._clock = clock

    async def exists(self) -> bool:
        """Whether there is anybody who could ever sign in; once there was, it stays so."""
        if not self._anybody:
            self._anybody = await self.people.exist()
        return self._anybody

    async def sign_in(self, name: str, password: str, *, address: str) -> tuple[str, Person]:
        """A new session's id, and whose it is; ``address`` is of one subscriber.

        Raises WrongPassword after the same work for every name; TooManyTries, Unavailable.
        """
        tries = await self._counted(name, address)
        person = await self._known(name)
        fits = await self._passwords.fits(password, person.password if person else None)
        if person is None or not fits or person.disabled:
            log.info("people.refused", address=address)
            raise WrongPassword("The name and the password do not belong together.")
        await self._tries.forget(tries)
        if person.password and self._passwords.is_dated(person.password):
            await self.people.change(person.name, password=await self._passwords.hash(password))
        return await self.open(person), person

    async def check_address(self, address: str) -> None:
        """Raises TooManyTries where ``address`` has had the OpenID provider asked too often."""
        tries = await self._tries.count(key_of(f"openid {address}"), within_s=WITHIN_S)
        _check("address", tries, address)

    async def vouched(self, vouched: Vouched) -> Person:
        """Whom the OpenID provider vouches for, with the role it gives them; new if need be.

        Raises NotAuthorized for who is disabled, and for a name that is somebody else's.
        """
        person = await self.people.of_subject(vouched.subject) or await self._new(vouched)
        if person.disabled:
            raise NotAuthorized(f"{person.name!r} may not sign in any more.")
        if person.role != vouched.role:
            await self.people.change(person.name, role=vouched.role)
        return replace(person, role=vouched.role)

    async def _new(self, vouched: Vouched) -> Person:
        person = Person(
            vouched.name,
            vouched.role,
            subject=vouched.subject,
            created_at=self._clock(),
            stamp=new_stamp(),
        )
        try:
            await self.people.add(person)
        except Conflict as error:
            if found := await self.people.of_subject(vouched.subject):  # signed in twice at once
                return found
            raise NotAuthorized(
                f"The name {vouched.name!r} is somebody else's here; an administrator helps."
            ) from error
        return person

    async def open(self, person: Person) -> str:
        """A session of ``person``, who has proved who they are; its id."""
        session_id = new_id()
        until = self._clock() + self.lifetimes.most_s
        session = Session(person.name, person.stamp, until)
        await self._sessions.keep(key_of(session_id), session, idle_s=self.lifetimes.idle_s)
        return session_id

    async def who(self, session_id: str) -> Person | None:
        """Whose session it is; None when it is over, or the person may not sign in any more."""
        key = key_of(session_id)
        session = await self._sessions.find(key, idle_s=self.lifetimes.idle_s)
        if session is None:
            return None
        person = await self.people.get(session.name)
        over = session.until <= self._clock()
        if over or person is None or person.disabled or person.stamp != session.stamp:
            await self._sessions.end(key)
            return None
        return person

    async def sign_out(self, session_id: str) -> None:
        """The session is over."""
        await self._sessions.end(key_of(session_id))

    def close(self) -> None:
        self._passwords.close()

    async def _known(self, name: str) -> Person | None:
        with suppress(BadRequest):
            return await self.people.get(name_of(name))
        return None

    async def _counted(self, name: str, address: str) -> str:
        """Count the try before it is known how it ends, so that many at once are counted too.

        Gives what a right password clears.
        """
        with suppress(BadRequest):
            name = name_of(name)
        counted = {
            "both": key_of(f"{address} {name}"),
            "name": key_of(f"name {name}"),
            "address": key_of(f"address {address}"),
        }
        # First, so that who has no tries left makes us remember nothing.
        _check("address", await self._tries.look(counted["address"]), address, more=1)
        for what, key in counted.items():
            _check(what, await self._tries.count(key, within_s=WITHIN_S), address)
        return counted["both"]


def _check(what: str, tries: tuple[int, float], address: str, *, more: int = 0) -> None:
    """Raises TooManyTries where there are too many, or would be with ``more``."""
    number, wait_s = tries
    if number + more > MOST_TRIES[what]:
        log.warning("people.too_many_tries", of=what, address=address)
        raise TooManyTries(wait_s)
