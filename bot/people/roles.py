"""What callers may do: scopes, and the roles that hold them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

Scope = Literal[
    "conversations:read",
    "conversations:write",
    "handoff",
    "review",
    "model:read",
    "model:write",
    "metrics",
    "people",
    "privacy",
    "audit",
]
Role = Literal["viewer", "agent", "builder", "admin"]

SCOPES: dict[Scope, str] = {
    "conversations:read": "read conversations",
    "conversations:write": "add to conversations, change them, have the bot act in them",
    "handoff": "take conversations over and speak in them",
    "review": "judge what was understood",
    "model:read": "see which model serves, ask it",
    "model:write": "train, test, load and unload models",
    "metrics": "read the counts and timings of the server",
    "people": "see and change who may sign in",
    "privacy": "export and erase what is known of a user",
    "audit": "read who did what",
}
ALL = frozenset(get_args(Scope))
OWN: frozenset[Scope] = frozenset({"conversations:read", "conversations:write"})
"""What Rasa's JWT of the role user opens, of one conversation alone."""

_VIEWER: frozenset[Scope] = frozenset({"conversations:read", "model:read", "metrics"})
_AGENT: frozenset[Scope] = _VIEWER | {"handoff", "review"}
_BUILDER: frozenset[Scope] = _AGENT | {"conversations:write", "model:write"}

ROLES: dict[Role, frozenset[Scope]] = {
    "viewer": _VIEWER,
    "agent": _AGENT,
    "builder": _BUILDER,
    "admin": ALL,
}


def scopes_of(role: object) -> frozenset[Scope]:
    """What ``role`` may do; nothing, when there is no such role."""
    return next((scopes for name, scopes in ROLES.items() if name == role), frozenset())


def known(scopes: Iterable[str]) -> frozenset[Scope]:
    """Those of ``scopes`` that there are."""
    named = set(scopes)
    return frozenset(scope for scope in SCOPES if scope in named)
