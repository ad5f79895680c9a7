"""Who calls, as a route sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from bot.errors import ParleyError
from bot.people.roles import Scope

WHOM = "__open_to__"

Kind = Literal["token", "jwt", "person", "nobody"]
Whom = Literal["anyone", "a channel's own"]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class NotAuthenticated(ParleyError):
    """The caller does not prove who it is."""

    status = 401
    reason = "NotAuthenticated"


class NotAuthorized(ParleyError):
    """The caller may not do this."""

    status = 403
    reason = "NotAuthorized"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request.

    ``name`` is the person's, or the user's of a JWT; empty for the token and for nobody.
    ``only`` names the one conversation that is theirs; None where any may be touched.
    """

    name: str
    kind: Kind
    role: str | None
    scopes: frozenset[Scope]
    only: str | None = None


def open_to(whom: Whom) -> Callable[[Endpoint], Endpoint]:
    """Marks a route that asks no caller of the API who it is, and says whom else it is for.

    `anyone`: it shows and changes nothing of anybody; `a channel's own`: the channel's ``verify``
    decides.
    """

    def marked(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, WHOM, whom)
        return endpoint

    return marked
