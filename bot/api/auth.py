"""Who may call the API: whoever names the token, or brings a JWT that says so.

As in Rasa: the token opens everything; so does a JWT of the role admin, while one of the role
user opens the conversation named as its user. Without token and secret the API asks nothing.
Channels are not covered; they verify what comes to them in their own ways.
"""

from __future__ import annotations

import hmac
import warnings
from collections.abc import Mapping
from typing import Any

import jwt
import structlog
from fastapi.requests import Request
from jwt.warnings import InsecureKeyLengthWarning

from bot.errors import ParleyError, SettingsError
from bot.settings import Settings

log = structlog.get_logger(__name__)

TOKEN = "parley.token"  # where the scope keeps what was taken out of the query


class NotAuthenticated(ParleyError):
    """The caller does not prove who it is."""

    status = 401
    reason = "NotAuthenticated"


class NotAuthorized(ParleyError):
    """The caller may not do this."""

    status = 403
    reason = "NotAuthorized"


class Guard:
    """What the settings ask of callers. Raises SettingsError for a key that is none."""

    def __init__(self, settings: Settings) -> None:
        self._token = settings.auth_token and settings.auth_token.get_secret_value().encode()
        self._key = settings.jwt_secret and settings.jwt_secret.get_secret_value()
        self._method = settings.jwt_method
        if self._key:
            self._try_key()

    def check(self, token: str, bearer: str, conversation_id: str | None) -> None:
        """Return if the caller may work on ``conversation_id``, None for all that is there.

        Raises NotAuthenticated and NotAuthorized.
        """
        if not self._token and not self._key:
            return
        if self._token and hmac.compare_digest(token.encode(), self._token):
            return
        user = self._user(bearer)
        if user.get("role") == "admin":
            return
        own = user.get("role") == "user" and conversation_id is not None
        if not own or user.get("username") != conversation_id:
            raise NotAuthorized("This user may not do that.")

    def _user(self, bearer: str) -> Mapping[str, Any]:
        """Who a valid JWT says is calling."""
        if not self._key or not bearer:
            raise NotAuthenticated("The caller is not known here: a token or a JWT is missing.")
        try:
            said = jwt.decode(bearer, self._key, algorithms=[self._method])
        except (jwt.PyJWTError, ValueError) as error:
            raise NotAuthenticated("The JWT is not valid here.") from error
        user = said.get("user")
        return user if isinstance(user, Mapping) else {}

    def _try_key(self) -> None:
        try:
            algorithm = jwt.get_algorithm_by_name(self._method)
            key = algorithm.prepare_key(self._key)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise SettingsError(
                f"PARLEY_JWT_SECRET is no key for {self._method}: {error}. With RS256 and the like "
                "give the public key, in PEM."
            ) from error
        if weakness := algorithm.check_key_length(key):
            log.warning("api.weak_secret", hint=f"PARLEY_JWT_SECRET: {weakness}")
        # Said once, here; not with every request.
        warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)


async def authorised(request: Request) -> None:
    """A dependency: the caller may do what ``request`` asks for."""
    _check(request, request.path_params.get("conversation_id"))


async def authorised_for_all(request: Request) -> None:
    """A dependency: the caller may do that with any conversation; no user with his own."""
    _check(request, None)


def _check(request: Request, conversation_id: str | None) -> None:
    guard: Guard = request.app.state.guard
    kind, _, bearer = request.headers.get("authorization", "").partition(" ")
    guard.check(
        request.scope.get(TOKEN, ""),
        bearer.strip() if kind.lower() == "bearer" else "",
        conversation_id,
    )
