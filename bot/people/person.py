"""A person who may sign in, and where persons are kept."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.errors import BadRequest
from bot.people.roles import Role

MOST_NAME_CHARS = 64
_NAME = re.compile(rf"[^\s\x00-\x1f\x7f\ud800-\udfff]{{1,{MOST_NAME_CHARS}}}")


@dataclass(frozen=True, slots=True)
class Person:
    """Who may sign in, by a password or by an OpenID provider.

    ``password`` is a hash by Argon2; None where the provider alone vouches for them, who knows them
    as ``subject``. Sessions opened under another ``stamp`` are over.
    """

    name: str
    role: Role
    password: str | None = None
    subject: str | None = None
    disabled: bool = False
    created_at: float = 0.0
    stamp: str = ""


class People(Protocol):
    """Who may sign in."""

    async def exist(self) -> bool:
        """Whether there is anybody, disabled or not."""
        ...

    async def get(self, name: str) -> Person | None: ...

    async def of_subject(self, subject: str) -> Person | None:
        """Whom the OpenID provider knows so."""
        ...

    async def everybody(self) -> Sequence[Person]:
        """All of them, by their names."""
        ...

    async def add(self, person: Person) -> None:
        """Raises Conflict where the name or the subject is somebody's."""
        ...

    async def change(
        self,
        name: str,
        *,
        role: Role | None = None,
        password: str | None = None,
        disabled: bool | None = None,
        stamp: str | None = None,
    ) -> None:
        """Change what is given. Raises NotFound."""
        ...

    async def remove(self, name: str) -> None:
        """Raises NotFound."""
        ...


def name_of(text: str) -> str:
    """A person's name as it is kept: upper and lower case are one. Raises BadRequest."""
    name = unicodedata.normalize("NFKC", text).casefold()
    if not _NAME.fullmatch(name):
        raise BadRequest(f"A person's name has 1 to {MOST_NAME_CHARS} characters and no blanks.")
    return name


def new_stamp() -> str:
    """What no session that is open has."""
    return secrets.token_hex(8)
