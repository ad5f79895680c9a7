"""Signing in and out, and who one is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.requests import Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.api.auth import person_caller, requires
from bot.api.browsers import check_page, drop_session, is_local, is_tls, keep_session, session_of
from bot.api.conversations import answer
from bot.audit import Actor, Deed
from bot.door import body_schema, json_body
from bot.limits import subscriber
from bot.people.caller import Caller, NotAuthorized, open_to
from bot.people.person import Person
from bot.people.sessions import csrf_token
from bot.running import running
from bot.settings import Settings, is_loopback

router = APIRouter(tags=["people"])


class LoginBody(BaseModel):
    """A person's name and password."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "mia", "password": "correct horse battery"}}
    )

    name: str = Field(min_length=1, max_length=255)
    password: SecretStr = Field(min_length=1, max_length=1024)


@router.post("/login", openapi_extra=body_schema(LoginBody))
@open_to("anyone")
async def login(
    request: Request, body: Annotated[LoginBody, Depends(json_body(LoginBody))]
) -> Response:
    """Sign in with a password. The session is a cookie; changes need `csrf_token` beside it.

    401 for a wrong name or password, 429 after too many.
    """
    server = running(request)
    check_page(request, server.settings.cors)
    check_encrypted(request, server.settings)
    session_id, person = await server.access.sign_in(
        body.name, body.password.get_secret_value(), address=address_of(request)
    )
    response = answer(_told(person_caller(person), session_id))
    await signed_in(response, request, session_id, person)
    return response


@router.post("/logout", status_code=204)
async def logout(request: Request, _caller: Annotated[Caller, requires()]) -> Response:
    """End the session."""
    response = Response(status_code=204)
    if session_id := session_of(request):
        await running(request).access.sign_out(session_id)
        drop_session(response, request)
    return response


@router.get("/me")
async def me(request: Request, caller: Annotated[Caller, requires()]) -> Response:
    """Who the caller is, and may do; `csrf_token` for whoever signed in."""
    session_id = session_of(request) if caller.kind == "person" else None
    return answer(_told(caller, session_id))


def address_of(request: Request) -> str:
    """Whence it comes, as tries to sign in are counted."""
    return subscriber(request.client.host) if request.client else ""


def check_encrypted(request: Request, settings: Settings) -> None:
    """Raises NotAuthorized where a password or a session could be overheard."""
    here = is_loopback(settings.host) and is_local(request, settings.host)
    if not is_tls(request) and not here:
        raise NotAuthorized(
            "Nobody signs in over plain HTTP: serve HTTPS (--ssl-certificate), or name the proxy "
            "that does in PARLEY_TRUSTED_PROXIES and have it say so (X-Forwarded-Proto)."
        )


async def signed_in(response: Response, request: Request, session_id: str, person: Person) -> None:
    """Have ``response`` carry the session, once the audit log knows of it; one before is over."""
    server = running(request)
    who = Actor("person", person.name, person.role)
    await server.audit.record(Deed(who, "people.login"))
    if before := session_of(request):
        await server.access.sign_out(before)
    keep_session(response, request, session_id, most_s=server.access.lifetimes.most_s)


def _told(caller: Caller, session_id: str | None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": caller.name,
        "kind": caller.kind,
        "role": caller.role,
        "scopes": sorted(caller.scopes),
    }
    return said if session_id is None else {**said, "csrf_token": csrf_token(session_id)}
