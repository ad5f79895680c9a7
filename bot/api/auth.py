"""Who may call: whoever names the token, brings a JWT that says so, or has signed in.

As in Rasa the token opens everything; so does a JWT of the role admin, while one of the role user
opens the conversation named as its user. A route says what it asks of a caller by ``requires``, or
whom else it is for by ``people.caller.open_to``; one that says neither fails a test. Where there
is no token, no secret and nobody who could sign in the API asks nothing, for this machine alone.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import structlog
from fastapi import Depends, Security
from fastapi.requests import Request
from fastapi.security import APIKeyCookie, APIKeyQuery, HTTPBearer, SecurityScopes

from bot.api import audited
from bot.api.browsers import COOKIE, READS, check_change, check_local, check_page, session_of
from bot.door import clean
from bot.errors import SettingsError
from bot.people.access import Access
from bot.people.caller import Caller, NotAuthenticated, NotAuthorized
from bot.people.person import Person
from bot.people.roles import ALL, OWN, Scope, known, scopes_of
from bot.running import running
from bot.settings import Settings, is_loopback, variable
from bot.store.base import Log

if TYPE_CHECKING:
    from bot.people.tokens import Signers

TOKEN = "parley.token"  # where the scope keeps what was taken out of the query
UNKNOWN = "The caller is not known here: a token, a JWT or a session is missing."
NOBODY = Caller("", "nobody", None, ALL)
_TOKENS_OWNER = Caller("", "token", "admin", ALL)
# For the description of the API; `Guard` reads them itself.
_BY_TOKEN = APIKeyQuery(
    name="token", scheme_name="token", description="PARLEY_AUTH_TOKEN.", auto_error=False
)
_BY_BEARER = HTTPBearer(
    bearerFormat="JWT",
    scheme_name="bearer",
    description="A JWT signed with PARLEY_JWT_SECRET, or the token.",
    auto_error=False,
)

_BY_SESSION = APIKeyCookie(
    name=COOKIE,
    scheme_name="session",
    description="Of whoever signed in at `POST /login`; changes need the header `X-CSRF-Token`.",
    auto_error=False,
)

log = structlog.get_logger(__name__)


class Guard:
    """What the settings ask of callers. Raises SettingsError for a key that is none."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = [token.encode() for token in settings.live("auth_token")]
        self._signers: Signers | None = None
        self._vouched = bool(settings.oidc_issuer)
        if keys := settings.live("jwt_secret"):
            self._signers = _signers(keys, settings.jwt_method)

    @property
    def asks(self) -> bool:
        """Whether callers must prove who they are."""
        return bool(self._tokens or self._signers or self._vouched)

    def caller(self, token: str, bearer: str) -> Caller:
        """Who proves itself so. Raises NotAuthenticated.

        Where a token is known here, it may come as a bearer's too, which no proxy logs.
        """
        if self._is_token(token) or self._is_token(bearer):
            return _TOKENS_OWNER
        if not self._signers or not bearer:
            raise NotAuthenticated(UNKNOWN)
        from bot.people.tokens import BadToken  # megabytes that most servers do without

        try:
            return _named(self._signers.claims(bearer))
        except BadToken as error:
            raise NotAuthenticated("The JWT is not valid here.") from error

    def _is_token(self, given: str) -> bool:
        # All are compared, so that the time taken tells nothing.
        fits = [hmac.compare_digest(given.encode(), token) for token in self._tokens]
        return any(fits)


def requires(*scopes: Scope) -> Any:
    """A route's dependency: the caller may do all of this. Gives the Caller.

    It stands at ``request.state.caller`` too, also when it is refused with 403.
    """
    return Security(_authorised, scopes=list(scopes))


async def unless_a_person_has_it(request: Request) -> None:
    """A dependency of routes by which the bot is made to act; it comes after ``requires``.

    Who may touch one conversation alone is its user, and cannot send a person away from it.
    """
    await check_is_the_bots(request.state.caller, running(request).parley.log)


async def check_is_the_bots(caller: Caller, log: Log) -> None:
    """Raises NotAuthorized where a person has the conversation that alone is the caller's.

    Asked after the epoch is read that a commit brings along: who takes over later is seen there.
    """
    if caller.only is None:
        return
    handoff = await log.handoff(caller.only)
    if handoff is not None and handoff.agent is not None:
        raise NotAuthorized("A person has this conversation; its user may read it and write in it.")


async def check_is_guarded(settings: Settings, access: Access) -> None:
    """Raises SettingsError where the API would answer others without asking who they are."""
    if not settings.serves_api or settings.proxy_authenticates or is_loopback(settings.host):
        return
    if not settings.asks_who and not await access.exists():
        raise SettingsError(
            f"The API would answer whoever reaches {settings.host}. Set PARLEY_AUTH_TOKEN or "
            "PARLEY_JWT_SECRET, or add people (parley users add); where a proxy in front asks who "
            "is calling, set PARLEY_PROXY_AUTHENTICATES=true; without --enable-api only channels "
            "are served."
        )


def person_caller(person: Person) -> Caller:
    """Who has signed in, as a caller."""
    return Caller(person.name, "person", person.role, scopes_of(person.role))


def speaks_as(caller: Caller, agent: str) -> None:
    """Return if ``caller`` may act as the person ``agent``: who signed in is himself alone."""
    if caller.kind == "person" and caller.name != agent:
        raise NotAuthorized(f"{caller.name!r} has signed in, and cannot act as {agent!r}.")


async def _authorised(
    request: Request,
    asked: SecurityScopes,
    _token: Annotated[str | None, Depends(_BY_TOKEN)],
    _bearer: Annotated[Any, Depends(_BY_BEARER)],
    _session: Annotated[str | None, Depends(_BY_SESSION)],
) -> Caller:
    caller = await _caller(request)
    request.state.caller = caller
    audited.watch(request, asked.scopes, _conversation(request))
    if not caller.scopes.issuperset(asked.scopes):
        raise NotAuthorized("This user may not do that.")
    if caller.only is not None and _conversation(request) != caller.only:
        raise NotAuthorized("This user may not do that.")
    await audited.begin(request)
    return caller


async def _caller(request: Request) -> Caller:
    guard: Guard = request.app.state.guard
    server = running(request)
    if not guard.asks and not await server.access.exists():
        return _nobody(request, server.settings)
    kind, _, bearer = request.headers.get("authorization", "").partition(" ")
    bearer = bearer.strip() if kind.lower() == "bearer" else ""
    token = request.scope.get(TOKEN, "")
    session_id = session_of(request)
    if token or bearer or session_id is None:
        return guard.caller(token, bearer)
    person = await server.access.who(session_id)
    if person is None:
        raise NotAuthenticated("The session is over; sign in again.")
    if request.method not in READS:
        check_change(request, session_id, server.settings.cors)
    return person_caller(person)


def _nobody(request: Request, settings: Settings) -> Caller:
    """Whoever may call though nobody could prove who they are."""
    if not settings.proxy_authenticates:
        if not is_loopback(settings.host):
            raise NotAuthenticated(UNKNOWN)
        check_local(request, settings.host)
    if request.method not in READS:
        check_page(request, settings.cors)
    return NOBODY


def _conversation(request: Request) -> str | None:
    """The conversation that the route will work on, by the name it will have there."""
    named = request.path_params.get("conversation_id")
    return clean(named) if isinstance(named, str) else None


def _named(said: Mapping[str, Any]) -> Caller:
    """Whom a JWT names, and what it lets them do: their role, narrowed by ``scope`` if it has one.

    ``scope`` is a list of words with blanks between them (RFC 8693, section 4.2); without a role it
    is all they may do.
    """
    found = said.get("user")
    user: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    role, name = user.get("role"), user.get("username", said.get("sub"))
    named = name if isinstance(name, str) else ""
    own = role == "user"
    held = (OWN if named else frozenset()) if own else scopes_of(role)
    if "scope" in said:  # one that is no text could not be meant to open more
        told = known(said["scope"].split()) if isinstance(said["scope"], str) else frozenset()
        held = told if role is None else held & told
    return Caller(
        named, "jwt", role if isinstance(role, str) else None, held, named if own else None
    )


def _signers(keys: Sequence[str], method: str) -> Signers:
    from bot.people.tokens import BadKey, Signers, weakness  # as above

    try:
        signers = Signers(keys, method=method)
    except BadKey as error:
        raise SettingsError(
            f"{variable('jwt_secret')} is no key for {method}: {error}. With RS256 and the like "
            "give the public key, in PEM."
        ) from error
    for key in keys:
        if why := weakness(key, method):
            log.warning("api.weak_secret", hint=f"{variable('jwt_secret')}: {why}")
    return signers
