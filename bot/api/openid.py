"""Signing in by an OpenID provider: to it, and back from it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.requests import Request
from fastapi.responses import RedirectResponse, Response

from bot.api.browsers import is_tls
from bot.api.people import address_of, check_encrypted, signed_in
from bot.errors import NotFound
from bot.people.caller import NotAuthenticated, NotAuthorized, open_to
from bot.people.openid import OpenId, Pending
from bot.running import Running, running

COOKIE, PLAIN_COOKIE = "__Host-parley-openid", "parley-openid"
PENDING_S = 600
MOST_CHARS = 4096

router = APIRouter(tags=["people"])


@router.get("/login/openid", status_code=303)
@open_to("anyone")
async def to_provider(request: Request) -> Response:
    """Send the browser to the OpenID provider. 404 where there is none."""
    server = running(request)
    check_encrypted(request, server.settings)
    url, pending = await _openid(server).begin(_back(request))
    response = RedirectResponse(url, 303)
    _keep(response, request, str(pending), PENDING_S)
    return response


@router.get("/login/openid/callback", status_code=303)
@open_to("anyone")
async def from_provider(
    request: Request,
    state: Annotated[str, Query(max_length=MOST_CHARS)] = "",
    code: Annotated[str, Query(max_length=MOST_CHARS)] = "",
    iss: Annotated[str, Query(max_length=MOST_CHARS)] = "",
) -> Response:
    """Where the provider sends the browser back to: a session, and on to the chat page."""
    server = running(request)
    check_encrypted(request, server.settings)
    openid = _openid(server)
    pending = Pending.read(request.cookies.get(_cookie(request), ""))
    try:
        if not code:
            raise NotAuthenticated("The OpenID provider vouched for nobody.")
        await server.access.check_address(address_of(request))
        vouched = await openid.finish(
            pending, state=state, code=code, issuer=iss, redirect_uri=_back(request)
        )
        person = await server.access.vouched(vouched)
    except (NotAuthenticated, NotAuthorized) as error:
        error.headers = _forgotten(request)  # it counts for one try
        raise
    session_id = await server.access.open(person)
    response = RedirectResponse("/", 303)
    _keep(response, request, "", 0)
    await signed_in(response, request, session_id, person)
    return response


def _openid(server: Running) -> OpenId:
    if server.access.openid is None:
        raise NotFound("There is no OpenID provider; PARLEY_OIDC_ISSUER names one.")
    return server.access.openid


def _back(request: Request) -> str:
    return str(request.url_for("from_provider"))


def _keep(response: Response, request: Request, text: str, max_age: int) -> None:
    response.set_cookie(
        _cookie(request),
        text,
        max_age=max_age,
        path="/",
        secure=is_tls(request),
        httponly=True,
        samesite="lax",  # it comes back with a page of the provider's
    )


def _forgotten(request: Request) -> dict[str, str]:
    response = Response()
    _keep(response, request, "", 0)
    return {"Set-Cookie": response.headers["set-cookie"]}


def _cookie(request: Request) -> str:
    return COOKIE if is_tls(request) else PLAIN_COOKIE
