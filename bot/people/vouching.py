"""Whom an ID token vouches for, once it is signed by its provider (OpenID Connect Core 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.people.caller import NotAuthenticated, NotAuthorized
from bot.people.person import name_of
from bot.people.roles import ROLES, Role
from bot.settings import is_loopback

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

LEEWAY_S = 30
MOST_SUBJECT_CHARS = 255  # OpenID Connect Core, section 2


@dataclass(frozen=True, slots=True)
class Provider:
    """Who vouches for people, and how its claims are read.

    ``roles`` are ours by what the claim ``role_claim`` holds, a text or a list of them.
    """

    issuer: str
    client_id: str
    client_secret: str
    name_claim: str
    role_claim: str
    roles: Mapping[str, Role]

    def is_asked_at(self, url: str) -> bool:
        """Whether ``url`` is as safe to ask as the issuer: HTTPS, or both on this machine."""
        try:
            place, own = urlsplit(url), urlsplit(self.issuer)
        except ValueError:  # half an IPv6 address
            return False
        safe = place.scheme == "https" or is_loopback(place.hostname or "")
        return bool(place.hostname) and place.scheme == own.scheme and safe


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouches for: as whom it knows them, their name and role here."""

    subject: str
    name: str
    role: Role


def keys_of(told: Mapping[str, Any]) -> KeySet:
    """The keys of a JWK set; those that are not understood are passed over (RFC 7517, section 5).

    Raises ValueError when none is left.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, Key, KeySet

    keys: list[Key] = []
    found = told.get("keys")
    for each in found if isinstance(found, list) else ():
        with suppress(JoseError, ValueError, TypeError, KeyError):
            keys.append(JWKRegistry.import_key(each))
    if not keys:
        raise ValueError("there is no key")
    return KeySet(keys)


def check_claims(said: Mapping[str, Any], provider: Provider, *, nonce: str, now: float) -> None:
    """Raises NotAuthenticated unless the token is for this sign-in, here and now (3.1.3.7)."""
    from joserfc import jwt
    from joserfc.errors import JoseError

    wanted = jwt.JWTClaimsRegistry(
        int(now),
        LEEWAY_S,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        wanted.validate(dict(said))
    except (JoseError, TypeError) as error:
        raise NotAuthenticated("The OpenID provider's ID token is not valid.") from error
    if not isinstance(said["nonce"], str) or not _is_subject(said["sub"]):
        raise NotAuthenticated("The OpenID provider's ID token is not valid.")
    others = isinstance(said["aud"], list) and len(said["aud"]) > 1
    party = said.get("azp")
    if party != provider.client_id and (others or party is not None):
        raise NotAuthenticated("The OpenID provider's ID token is for somebody else.")


def vouched_for(said: Mapping[str, Any], provider: Provider) -> Vouched:
    """Who it is here. Raises NotAuthorized for who has no name or no role."""
    name = said.get(provider.name_claim)
    if not isinstance(name, str) or not name:
        raise NotAuthorized(f"The OpenID provider says no {provider.name_claim}.")
    if provider.name_claim == "email" and said.get("email_verified", True) not in (True, "true"):
        raise NotAuthorized("The OpenID provider has not verified this mail address.")
    told = said.get(provider.role_claim)
    groups = told if isinstance(told, list) else [told]
    held = {
        provider.roles[each] for each in groups if isinstance(each, str) and each in provider.roles
    }
    if not held:
        raise NotAuthorized(f"{name!r} has no role here; an administrator gives one.")
    most = max(held, key=list(ROLES).index)
    return Vouched(f"{provider.issuer} {said['sub']}", name_of(name), most)


def _is_subject(said: str) -> bool:
    return said.isascii() and said.isprintable() and len(said) <= MOST_SUBJECT_CHARS
