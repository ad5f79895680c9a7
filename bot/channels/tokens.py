"""A token that clients of a channel show: one, or two while it changes."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from bot.channels.base import Delivery, Unproven
from bot.errors import SettingsError

BEARER = "bearer "


class Tokens:
    """What credentials.yml has under a channel's ``token``. Without any, everybody is welcome."""

    def __init__(self, tokens: Sequence[str] = ()) -> None:
        self._tokens = [token.encode() for token in tokens]

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def has(self, given: str) -> bool:
        """Whether ``given`` is one of them."""
        shown = given.encode(errors="replace")  # a page may send half a surrogate pair
        return any(hmac.compare_digest(shown, token) for token in self._tokens)

    def check(self, delivery: Delivery) -> None:
        """Raises Unproven unless ``Authorization: Bearer`` has one of them."""
        said = delivery.headers.get("authorization", "")
        given = said[len(BEARER) :].strip() if said.lower().startswith(BEARER) else ""
        if self._tokens and not self.has(given):
            raise Unproven("This channel asks for its token: Authorization: Bearer <token>.")


def tokens_of(channel: str, credentials: Mapping[str, Any]) -> Tokens:
    """The tokens of ``channel`` as credentials.yml has them. Raises SettingsError."""
    said = credentials.get("token")
    tokens = [] if said is None else said if isinstance(said, list) else [said]
    if not all(isinstance(one, str) and one.strip() for one in tokens):
        raise SettingsError(
            f"credentials.yml: {channel}: token should be a text, or a list of two while it "
            "changes; is a variable not set?"
        )
    return Tokens(tokens)
