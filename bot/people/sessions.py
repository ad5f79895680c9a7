"""Sessions of people who signed in: opaque numbers, known here by their hashes alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Protocol

import msgspec


class Session(msgspec.Struct, frozen=True):
    """Whose it is, when it ends at the latest, and the person's stamp when it was opened."""

    name: str
    stamp: str
    until: float  # seconds since the epoch


class Sessions(Protocol):
    """Where sessions are kept, by the hashes of their ids."""

    async def keep(self, key: str, session: Session, *, idle_s: float) -> None:
        """Until nobody asked for it for ``idle_s``. Raises Unavailable."""
        ...

    async def find(self, key: str, *, idle_s: float) -> Session | None:
        """The session, which is asked for now. Raises Unavailable."""
        ...

    async def end(self, key: str) -> None:
        """Raises Unavailable."""
        ...


class Tries(Protocol):
    """How often something was tried of late. Raises Unavailable."""

    async def count(self, key: str, *, within_s: float) -> tuple[int, float]:
        """One more try: how many there are within ``within_s``, and in how many seconds none."""
        ...

    async def look(self, key: str) -> tuple[int, float]:
        """How many there are, and in how many seconds none; nothing is remembered."""
        ...

    async def forget(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lasts: unused, and at most."""

    idle_s: float
    most_s: float


def new_id() -> str:
    """256 bits that nobody guesses."""
    return secrets.token_urlsafe(32)


def key_of(session_id: str) -> str:
    """What a session is kept under: whoever reads the store cannot sign in with it."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def csrf_token(session_id: str) -> str:
    """What a page of ours sends along with changes, and a page of others cannot know."""
    return hmac.new(session_id.encode(), b"parley csrf", hashlib.sha256).hexdigest()
