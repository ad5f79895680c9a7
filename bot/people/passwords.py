"""Passwords: hashed by Argon2id (RFC 9106), beside the event loop, a few at a time."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from bot.errors import BadRequest, Unavailable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LEAST_CHARS, MOST_CHARS = 12, 256
AT_ONCE = 2  # each takes 64 MiB for some 50 ms
MOST_WAITING = 32

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one hash; by default the second choice of RFC 9106, section 4."""

    passes: int = 3
    memory_kib: int = 65_536
    lanes: int = 4


class Passwords:
    """Makes hashes and compares with them. Close it."""

    def __init__(self, cost: Cost = Cost()) -> None:
        self._cost = cost
        self._threads = ThreadPoolExecutor(AT_ONCE, "password")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The hash to keep."""
        return await self._beside(lambda: self._hasher.hash(_normal(password)))

    async def fits(self, password: str, kept: str | None) -> bool:
        """Whether ``kept`` is the hash of ``password``; it never is None, which takes as long."""
        return await self._beside(lambda: self._fits(_normal(password), kept))

    def is_dated(self, kept: str) -> bool:
        """Whether ``kept`` was made at another cost than hashes are made now."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        self._threads.shutdown()

    def _fits(self, text: str, kept: str | None) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        nobodys = self._nobodys  # made by whoever comes first, be it for a name that is somebody's
        try:
            fits = self._hasher.verify(kept or nobodys, text)
        except (VerificationError, InvalidHashError):
            return False
        return fits and kept is not None

    async def _beside(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Too many passwords wait to be looked at; try again.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    @cached_property
    def _hasher(self) -> PasswordHasher:
        # Here, since most servers never look at a password.
        from argon2 import PasswordHasher

        cost = self._cost
        return PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes
        )

    @cached_property
    def _nobodys(self) -> str:
        """What the password of somebody who is not there is compared with."""
        return self._hasher.hash("nobody's")


def checked(password: str) -> str:
    """``password``, if it may be a new one. Raises BadRequest."""
    if not LEAST_CHARS <= len(_normal(password)) <= MOST_CHARS:
        raise BadRequest(f"A password has {LEAST_CHARS} to {MOST_CHARS} characters.")
    return password


def _normal(password: str) -> str:
    """The same for every keyboard (NIST SP 800-63B, section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
