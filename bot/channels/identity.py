"""Who a visitor is at home: a JWT (RFC 7519) that the site around the chat page signs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from joserfc import jwt
from joserfc.errors import JoseError

from bot.channels.base import Unproven
from bot.errors import SettingsError
from bot.people.tokens import BadKey, BadToken, Signers, weakness

Method = Literal["HS256", "RS256"]
LEAST_SECRET_BYTES = 32  # RFC 7518, 3.2: as many as the hash has
LEEWAY_S = 30
LONGEST_S = 366 * 86_400.0
MOST_TOKEN_CHARS = 8192
_SUBJECT = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class Identity:
    """A user of the site, until ``until`` in seconds since the epoch."""

    user: str
    until: float


class Identities:
    """Reads identities.

    Args:
        keys: Secrets for HS256, public keys in PEM for RS256; any of them is believed. Raises
            SettingsError for one that is none.
        audience: What ``aud`` must name; empty: none may be named.
    """

    def __init__(self, keys: Sequence[str], *, method: Method, audience: str = "") -> None:
        self._signers = _signers(keys, method)
        self._audience = audience

    def read(self, token: str, now: float) -> Identity:
        """Who ``token`` says it is. It needs ``sub`` and ``exp``. Raises Unproven."""
        try:
            claims = self._signers.signed(token[: MOST_TOKEN_CHARS + 1])
        except BadToken as error:
            raise Unproven("The identity is not signed with a key that is known here.") from error
        wanted: dict[str, jwt.ClaimsOption] = {
            "sub": {"essential": True},
            "exp": {"essential": True},
        }
        if self._audience:
            wanted["aud"] = {"essential": True, "value": self._audience}
        elif "aud" in claims:  # RFC 7519, 4.1.3: it is for somebody who is named
            raise Unproven("The identity is for another audience.")
        try:
            jwt.JWTClaimsRegistry(int(now), LEEWAY_S, **wanted).validate(claims)
        except JoseError as error:
            raise Unproven(f"The identity is not accepted: {_reason(error)}.") from error
        user = claims["sub"]
        if not isinstance(user, str) or not _SUBJECT.fullmatch(user):
            raise Unproven("The identity's sub should be 1 to 200 letters, digits or signs.")
        return Identity(user, float(min(claims["exp"], now + LONGEST_S)))


def _signers(keys: Sequence[str], method: Method) -> Signers:
    where = "credentials.yml: web: identity_keys"
    for key in keys:
        if method == "HS256" and "-----BEGIN" in key:
            raise SettingsError(f"{where}: a key in PEM needs identity_method: RS256.")
        if weakness(key, method):
            raise SettingsError(
                f"{where}: a secret should have {LEAST_SECRET_BYTES} bytes or more."
            )
    try:
        return Signers(keys, method=method)
    except BadKey as error:
        raise SettingsError(f"{where}: no public RSA key in PEM: {error}") from error


def _reason(error: JoseError) -> str:
    return (error.description or error.error or type(error).__name__).rstrip(".")
