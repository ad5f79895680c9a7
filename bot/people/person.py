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
_NAME = re.compile(rf"\S{{1,{MOST_NAME_CHARS}}}")
# Marks and letters that show nothing (Unicode's Default_Ignorable_Code_Point), and a blank pattern.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


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
    """A person's name as it is kept: upper and lower case are one. Raises BadRequest.

    A name that is kept is kept as itself, so folding is done until it changes nothing any more.
    """
    name = _folded(_folded(text))
    if not _NAME.fullmatch(name):
        raise BadRequest(f"A person's name has 1 to {MOST_NAME_CHARS} characters and no blanks.")
    if not name.isprintable() or _UNSEEN.search(name):
        raise BadRequest("A person's name has no characters that cannot be seen.")
    return name


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def new_stamp() -> str:
    """What no session that is open has."""
    return secrets.token_hex(8)
