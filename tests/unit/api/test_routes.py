"""Every route says whom it is for, and keeps to it. A new one that says nothing fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from starlette.routing import BaseRoute

from bot.api import auth
from bot.people.caller import WHOM
from bot.people.roles import OWN, ROLES, SCOPES
from bot.settings import Settings
from tests.serving import echo_app, served
from tests.signing import signed

SECRET = "a secret of more than sixty-four bytes, which is long enough for HS512"
ASKING = Settings(jwt_secret=SECRET, auth_token="s3cret")
# What Starlette serves by itself: the description of the API, and the chat page's files.
FILES = {"/openapi.json", "/chat"}
ANSWERED = {401, 403}


def routes(level: Sequence[Any]) -> Iterator[Any]:
    """Every route, also those of included routers."""
    for route in level:
        router = getattr(route, "original_router", None)
        if router is None:
            yield route
        else:
            yield from routes(router.routes)


def asked(dependant: Dependant) -> Iterator[frozenset[str]]:
    """What each ``requires`` below ``dependant`` asks for."""
    for each in dependant.dependencies:
        if each.call is auth._authorised:
            yield frozenset(each.own_oauth_scopes or ())
        yield from asked(each)


def declared(route: BaseRoute) -> frozenset[str] | str | None:
    """The scopes a route asks for, or whom else it is for; None when it does not say."""
    dependant = getattr(route, "dependant", None)
    found = list(asked(dependant)) if dependant else []
    if found:
        return frozenset().union(*found)
    whom: str | None = getattr(getattr(route, "endpoint", None), WHOM, None)
    return "anyone" if getattr(route, "path", None) in FILES else whom


def undeclared(app: FastAPI) -> list[str]:
    return [route.path for route in routes(app.router.routes) if declared(route) is None]


def guarded() -> list[tuple[str, str, frozenset[str]]]:
    """Method, path and scopes of every route that asks who is calling."""
    found = []
    for route in routes(echo_app(ASKING).router.routes):
        scopes = declared(route)
        if isinstance(scopes, frozenset):
            found += [(method, route.path, scopes) for method in sorted(route.methods)]
    return found


GUARDED = guarded()
OF_A_CONVERSATION = [each for each in GUARDED if "{conversation_id" in each[1]]


def filled(path: str, conversation: str = "anna") -> str:
    return re.sub(r"\{(\w+)[^}]*\}", lambda m: conversation if "conv" in m[1] else "1", path)


async def answers(
    asked: Sequence[tuple[str, str, Any]], claims: dict[str, Any] | None, conversation: str = "anna"
) -> dict[str, int]:
    """The status of each, for a caller with a JWT of ``claims``."""
    headers = {"Authorization": f"Bearer {signed(claims, SECRET)}"} if claims else {}
    found = {}
    async with served(echo_app(ASKING)) as client:
        for method, path, _ in asked:
            answer = await client.request(method, filled(path, conversation), headers=headers)
            found[f"{method} {path}"] = answer.status_code
    return found


def user(name: str) -> dict[str, Any]:
    return {"user": {"username": name, "role": "user"}}


def test_every_route_says_whom_it_is_for():
    assert undeclared(echo_app(ASKING)) == []
    assert len(GUARDED) > 30


def test_a_route_that_does_not_say_so_is_found():
    app, router = echo_app(ASKING), APIRouter()

    @app.get("/one")
    @router.get("/two")
    @router.websocket("/three")
    async def new() -> None:
        """Says nothing."""

    app.include_router(router)
    assert sorted(undeclared(app)) == ["/one", "/three", "/two"]


def test_a_route_asks_for_scopes_that_there_are():
    assert {scope for _, _, scopes in GUARDED for scope in scopes} <= set(SCOPES)


def test_the_description_says_what_each_route_asks_for():
    paths = echo_app(ASKING).openapi()["paths"]
    for method, path, scopes in GUARDED:
        security = paths[re.sub(r":\w+\}", "}", path)][method.lower()]["security"]
        for scheme in ("token", "bearer", "session"):
            told = [set(each[scheme]) for each in security if scheme in each]
            assert told, (method, path, scheme)
            assert set().union(*told) == scopes


async def test_strangers_get_nowhere():
    assert {path for path, code in (await answers(GUARDED, None)).items() if code != 401} == set()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
async def test_no_other_method_opens_a_route_and_none_stands_for_another(method):
    """A header or a parameter that names another method changes nothing either."""
    paths = sorted({path for _, path, _ in GUARDED})
    headers = {"X-HTTP-Method-Override": "GET", "X-HTTP-Method": "GET", "X-Method-Override": "GET"}
    async with served(echo_app(ASKING)) as client:
        found = set()
        for path in paths:
            asked = f"{filled(path)}?_method=GET"
            found.add((await client.request(method, asked, headers=headers)).status_code)
    assert found <= {401, 405}


@pytest.mark.parametrize("claims", [{}, {"user": {"role": "root"}}, {"scope": "everything"}])
async def test_who_may_do_nothing_gets_nowhere_but_to_what_is_the_own(claims):
    found = await answers(GUARDED, {"sub": "x", **claims})
    assert {path for path, code in found.items() if code != 403} == {"GET /me", "POST /logout"}


@pytest.mark.parametrize("scope", SCOPES)
async def test_without_a_scope_its_routes_are_closed_with_all_others_open(scope):
    others = " ".join(each for each in SCOPES if each != scope)
    theirs = [each for each in GUARDED if scope in each[2]]
    found = await answers(theirs, {"scope": others})
    assert set(found.values()) <= {403}


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_is_kept_out_of_exactly_what_it_is_not_for(role):
    harmless = [each for each in GUARDED if each[0] == "GET" or not ROLES[role] >= each[2]]
    found = await answers(harmless, {"user": {"username": "x", "role": role}})
    for method, path, scopes in harmless:
        assert (found[f"{method} {path}"] in ANSWERED) == (not ROLES[role] >= scopes)


async def test_a_user_reaches_no_conversation_but_the_own():
    own = [each for each in OF_A_CONVERSATION if each[2] <= OWN]
    assert len(own) >= 8
    found = await answers(OF_A_CONVERSATION, user("bob"))
    assert set(found.values()) == {403}
    found = await answers(own, user("anna"))
    assert ANSWERED.isdisjoint(found.values())


@pytest.mark.parametrize(
    ("name", "conversation"),
    [
        ("anna", "anna/tracker"),
        ("anna", "anna%2F"),
        ("anna", "%61nna/x"),
        ("anna", "../anna"),
        ("anna", "ANNA"),
        ("anna", "anna%20"),
        ("", ""),
        ("a\x00", "a%00"),
        ("a\ufffd", "a"),
    ],
)
async def test_a_name_that_is_nearly_the_conversation_s_opens_nothing(name, conversation):
    found = await answers(OF_A_CONVERSATION, user(name), conversation)
    assert set(found.values()) <= {403, 404, 405}


async def test_a_user_reaches_nothing_that_is_of_no_conversation():
    others = [each for each in GUARDED if "{conversation_id" not in each[1]]
    assert set((await answers(others, user("anna"))).values()) == {403}
