"""Browsers: the cookie of who signed in, and what tells a page of ours from a page of others."""

from __future__ import annotations

import hmac
from collections.abc import Collection

from fastapi.requests import Request
from fastapi.responses import Response

from bot.door import is_of
from bot.people.caller import NotAuthorized
from bot.people.sessions import csrf_token
from bot.settings import is_loopback

COOKIE, PLAIN_COOKIE = "__Host-parley", "parley"
CSRF = "x-csrf-token"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = ("same-origin", "none")  # Fetch Metadata: a page of this origin, or no page at all


class CrossSite(NotAuthorized):
    """A page that is not this server's had a browser send this."""

    reason = "CrossSite"


def session_of(request: Request) -> str | None:
    """The session's id, if the request has one."""
    return request.cookies.get(_cookie(request))


def keep_session(response: Response, request: Request, session_id: str, *, most_s: float) -> None:
    """Have the browser keep the session's id, out of reach of scripts and other hosts."""
    response.set_cookie(
        _cookie(request),
        session_id,
        max_age=int(most_s),
        path="/",
        secure=is_tls(request),
        httponly=True,
        samesite="lax",
    )


def drop_session(response: Response, request: Request) -> None:
    """Have the browser forget the session."""
    keep_session(response, request, "", most_s=0)


def check_change(request: Request, session_id: str, origins: Collection[str]) -> None:
    """Raises CrossSite unless a page of ours, or of ``origins``, sent what the cookie came with."""
    check_page(request, origins)
    given = request.headers.get(CSRF, "").encode()
    if not hmac.compare_digest(given, csrf_token(session_id).encode()):
        raise CrossSite(f"The header {CSRF} should hold the csrf_token that GET /me gives.")


def check_page(request: Request, origins: Collection[str]) -> None:
    """Raises CrossSite where a browser says that a page of another origin sent the request."""
    origin = request.headers.get("origin")
    if origin is not None and origin in origins:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        ours = site in _OURS
    else:
        ours = origin is None or is_of(origin, request.headers.get("host", ""))
    if not ours:
        raise CrossSite("A page of another origin may not do that here.")


def check_local(request: Request, host: str) -> None:
    """Raises CrossSite unless somebody on this machine asks, who named it, or ``host``, as whom he
    calls.

    A page whose name was made to lead to this machine (DNS rebinding) names itself. A proxy on this
    machine brings others, and may name it as it likes.
    """
    if not _is_direct(request):
        raise CrossSite(
            "Without token or secret the API is for this machine, and this came through a proxy. "
            "Set PARLEY_AUTH_TOKEN; where the proxy asks who is calling, "
            "PARLEY_PROXY_AUTHENTICATES=true."
        )
    if not _is_named(request, host):
        named = request.headers.get("host", "")
        raise CrossSite(f"Without token or secret the API is for this machine, not for {named!r}.")


def is_local(request: Request, host: str) -> bool:
    """Whether, as far as can be seen, somebody on this machine asks; as ``check_local``."""
    return _is_direct(request) and _is_named(request, host)


def _is_direct(request: Request) -> bool:
    """Whether no proxy, trusted or not, says that it brings somebody else's request."""
    headers = request.headers
    said = ",".join(headers.getlist("x-forwarded-for") + headers.getlist("x-real-ip"))
    brought = [each.strip() for each in said.split(",") if each.strip()]
    return "forwarded" not in headers and all(map(is_loopback, brought))


def _is_named(request: Request, host: str) -> bool:
    """Whether the client called this machine, or ``host``, by its name.

    The URL of a request has the server's own address where the name given is none: browsers give
    some that Starlette takes for none, such as ``a{b.example``.
    """
    if request.url.netloc != request.headers.get("host", ""):
        return False
    named = request.url.hostname or ""
    return is_loopback(named) or named == host.strip("[]").lower()


def is_tls(request: Request) -> bool:
    """Whether the request came encrypted, here or to a trusted proxy."""
    return request.url.scheme == "https"


def _cookie(request: Request) -> str:
    # Browsers take a name with this prefix only over TLS, and from this host alone.
    return COOKIE if is_tls(request) else PLAIN_COOKIE
