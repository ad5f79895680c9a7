"""A version that is tried on live traffic before it may become current."""

from __future__ import annotations

from hashlib import sha256

import msgspec

WHOLE = 2**64


class Rollout(msgspec.Struct, frozen=True):
    """Which version is tried, how, and since when (seconds since 1970).

    ``share``: of the conversations that it answers, from 0 to 1. With 0 it is in the shadow: it
    reads what the current version answers, and says nothing.
    """

    version: str
    share: float
    since: float

    @property
    def name(self) -> str:
        """Of this trial, and no other of the same version."""
        return f"{self.version} {self.since:.3f}"

    def answers(self, conversation_id: str) -> bool:
        """Whether the version answers this conversation: always the same within a trial."""
        drawn = sha256(f"{self.name} {conversation_id}".encode()).digest()
        return int.from_bytes(drawn[:8]) < self.share * WHOLE
