"""Signing in by an OpenID provider: the code flow with PKCE (OpenID Connect Core 1.0, RFC 7636).

Authlib speaks with the provider, joserfc believes its tokens. Both are loaded when somebody signs
in so, with the extra ``parley[oidc]``.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import httpx2

from bot.errors import SettingsError, Unavailable
from bot.people.bounded import PLAIN, bound
from bot.people.caller import NotAuthenticated
from bot.people.vouching import Provider, Vouched, check_claims, keys_of, vouched_for
from bot.settings import Settings

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

CALL_S = 10.0
KEYS_AGAIN_S = 60.0  # keys are asked for anew at most so often
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
HOOKS = {"response": [bound]}
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that has begun; its browser alone may finish it."""

    state: str
    nonce: str
    verifier: str

    def __str__(self) -> str:
        return f"{self.state}.{self.nonce}.{self.verifier}"

    @classmethod
    def read(cls, text: str) -> Pending:
        """What ``str`` wrote. Raises NotAuthenticated."""
        parts = text.split(".")
        if len(parts) != 3 or not all(parts):
            raise NotAuthenticated("No sign-in has begun in this browser; begin again.")
        return cls(*parts)


class OpenId:
    """Signs people in by one provider. Raises SettingsError where the extra is not installed."""

    def __init__(self, provider: Provider, *, clock: Callable[[], float] = time.time) -> None:
        if find_spec("authlib") is None:
            raise SettingsError("Signing in by OpenID needs Authlib: pip install 'parley[oidc]'.")
        self._provider = provider
        self._clock = clock
        self._found: Mapping[str, Any] | None = None  # what the provider says of itself
        self._keys: KeySet | None = None
        self._keys_at = 0.0
        self._asking = asyncio.Lock()

    async def begin(self, redirect_uri: str) -> tuple[str, Pending]:
        """Where to send the browser, and what it must bring back. Raises Unavailable."""
        pending = Pending(*(secrets.token_urlsafe(32) for _ in range(3)))
        async with _in_time():
            found = await self._discovered()
        async with self._client(redirect_uri) as client:
            url, _ = client.create_authorization_url(
                found["authorization_endpoint"],
                state=pending.state,
                nonce=pending.nonce,
                code_verifier=pending.verifier,
            )
        return url, pending

    async def finish(
        self, pending: Pending, *, state: str, code: str, issuer: str, redirect_uri: str
    ) -> Vouched:
        """Who signed in. ``issuer`` is who says that it sent the browser back, empty for nobody.

        Raises NotAuthenticated, NotAuthorized, Unavailable.
        """
        if not hmac.compare_digest(state.encode(), pending.state.encode()):
            raise NotAuthenticated("This sign-in was begun elsewhere; begin again.")
        async with _in_time():
            self._check_issuer(issuer, await self._discovered())
            token = await self._exchanged(code, pending.verifier, redirect_uri)
            said = await self._signed(token)
        check_claims(said, self._provider, nonce=pending.nonce, now=self._clock())
        return vouched_for(said, self._provider)

    def _check_issuer(self, issuer: str, found: Mapping[str, Any]) -> None:
        """Raises NotAuthenticated where another provider sent the browser back (RFC 9207)."""
        always = found.get("authorization_response_iss_parameter_supported") is True
        if issuer != self._provider.issuer and (issuer or always):
            raise NotAuthenticated("Another OpenID provider sent the browser back; begin again.")

    async def _exchanged(self, code: str, verifier: str, redirect_uri: str) -> str:
        """The ID token for ``code``."""
        from authlib.common.errors import AuthlibBaseError

        endpoint = (await self._discovered())["token_endpoint"]
        try:
            async with self._client(redirect_uri) as client:
                told = await client.fetch_token(endpoint, code=code, code_verifier=verifier)
        except (httpx2.HTTPError, ValueError, RecursionError) as error:
            raise _away() from error
        except AuthlibBaseError as error:
            raise NotAuthenticated("The OpenID provider does not take the code.") from error
        token = told.get("id_token")
        if not isinstance(token, str):
            raise NotAuthenticated("The OpenID provider vouched for nobody: no ID token.")
        return token

    async def _signed(self, token: str) -> Mapping[str, Any]:
        """What the ID token says, signed by the provider."""
        from joserfc import jwt
        from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError

        try:
            try:
                return jwt.decode(token, await self._signers(), list(ALGORITHMS)).claims
            except (InvalidKeyIdError, BadSignatureError):  # the provider has changed its keys
                return jwt.decode(token, await self._signers(anew=True), list(ALGORITHMS)).claims
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise NotAuthenticated("The OpenID provider's ID token is not valid.") from error

    async def _discovered(self) -> Mapping[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery 1.0); asked for once."""
        async with self._asking:
            if self._found is None:
                at = f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration"
                found = await self._json(at)
                if found.get("issuer") != self._provider.issuer:
                    raise Unavailable("The OpenID provider says that it is another issuer.")
                for each in ENDPOINTS:
                    if not self._provider.is_asked_at(str(found.get(each, ""))):
                        raise Unavailable(f"The OpenID provider says no {each} that is safe.")
                self._found = found
            return self._found

    async def _signers(self, *, anew: bool = False) -> KeySet:
        """The provider's keys."""
        found = await self._discovered()
        async with self._asking:
            is_old = self._clock() - self._keys_at >= KEYS_AGAIN_S
            if self._keys is None or (anew and is_old):
                try:
                    self._keys = keys_of(await self._json(found["jwks_uri"]))
                except ValueError as error:
                    raise _away() from error
                self._keys_at = self._clock()
            return self._keys

    async def _json(self, url: str) -> dict[str, Any]:
        try:
            async with httpx2.AsyncClient(timeout=CALL_S, event_hooks=HOOKS) as client:
                answer = await client.get(url, headers=PLAIN)
                found = answer.raise_for_status().json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, RecursionError) as error:
            raise _away() from error
        if not isinstance(found, dict):
            raise _away()
        return found

    def _client(self, redirect_uri: str) -> Any:
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        return AsyncOAuth2Client(
            self._provider.client_id,
            self._provider.client_secret or None,
            scope="openid profile email",
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=CALL_S,
            headers=PLAIN,
            event_hooks=HOOKS,
        )


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """All that the provider is asked for one sign-in, waiting for others' included."""
    try:
        async with asyncio.timeout(CALL_S):
            yield
    except TimeoutError as late:
        raise _away() from late


def _away() -> Unavailable:
    return Unavailable("The OpenID provider cannot be asked now.")


def openid_of(settings: Settings) -> OpenId | None:
    """The provider that the settings name. Raises SettingsError where something is missing."""
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id:
        raise SettingsError("PARLEY_OIDC_ISSUER needs PARLEY_OIDC_CLIENT_ID.")
    if not settings.oidc_roles:
        raise SettingsError(
            f'PARLEY_OIDC_ISSUER needs PARLEY_OIDC_ROLES, such as {{"support": "agent"}}: who has '
            f"what in {settings.oidc_role_claim!r} may do what."
        )
    secret = settings.oidc_client_secret
    return OpenId(
        Provider(
            settings.oidc_issuer,
            settings.oidc_client_id,
            secret.get_secret_value() if secret else "",
            settings.oidc_name_claim,
            settings.oidc_role_claim,
            settings.oidc_roles,
        )
    )
