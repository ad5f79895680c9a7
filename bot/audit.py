"""Who did what: every read and change by a person, a token or an operator, for the audit log.

A visitor's own messages are no deeds. To record one, a part of the server is handed the ``Audit``
in ``Running``; a command calls
``bot.store.audits.record_at_terminal``.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.errors import BadRequest

BEGUN, DONE, REFUSED, REJECTED, FAILED = "begun", "done", "refused", "rejected", "failed"
MOST_CHARS = 500  # of one fact

Fact = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. ``kind``: token, jwt, person, nobody (where nobody is asked who he is), terminal
    or server.
    """

    kind: str
    name: str = ""
    role: str = ""


SERVER = Actor("server")
"""Parley itself, where nobody asked for it, such as retention."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that was done, or tried.

    Args:
        action: Area and verb, such as ``models.promote``.
        outcome: ``begun`` before a change, then ``done``, ``refused`` (may not), ``rejected``
            (could not be so) or ``failed``.
        conversation_id: Which one, if one; stored as a pseudonym that erasure makes meaningless.
        facts: What else: numbers, versions, reasons. Never what users wrote or who they are,
            since this log is kept for ever.
    """

    actor: Actor
    action: str
    outcome: str = DONE
    conversation_id: str | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)


class Audit(Protocol):
    """Where deeds are recorded."""

    async def record(self, deed: Deed) -> int:
        """Its number in the log. Raises Unavailable, BadRequest."""
        ...


class NoAudit:
    """Records nothing: for a Parley that keeps its log in memory."""

    async def record(self, deed: Deed) -> int:
        return 0


def at_terminal() -> Actor:
    """Whoever runs a command: the account's name in the operating system."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        name = ""
    return Actor("terminal", name, "operator")


def check_facts(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """``facts``, or BadRequest when one is too long to be a fact."""
    for name, value in facts.items():
        if isinstance(value, str) and len(value) > MOST_CHARS:
            raise BadRequest(
                f"{name!r} has {len(value)} characters; the audit log takes {MOST_CHARS}."
            )
    return dict(facts)
