"""People sign in by an OpenID provider, which answers over HTTP on loopback."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from bot.errors import SettingsError
from bot.people.access import MOST_TRIES, Access
from bot.people.memory import MemoryPeople
from bot.people.openid import KEYS_AGAIN_S, openid_of
from bot.people.person import Person
from bot.people.vouching import Vouched
from bot.settings import Settings
from tests.browser.fake_server import serving
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, KEY, OTHER_KEY, FakeProvider, Mint
from tests.serving import echo_app, served
from tests.signing import unsigned

HTTPS = "https://localhost"
TO, BACK = "/login/openid", "/login/openid/callback"


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    provider = FakeProvider()
    async with serving(provider.app) as address:
        provider.issuer = address
        yield provider


def settings_for(issuer: str, **more: Any) -> Settings:
    named = {"oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET}
    return Settings(
        oidc_issuer=issuer, oidc_roles={"desk": "agent", "ops": "admin"}, **named, **more
    )


@pytest.fixture
def settings(provider: FakeProvider) -> Settings:
    return settings_for(provider.issuer)


@pytest.fixture
def access(settings: Settings) -> Access:
    return Access(openid=openid_of(settings))


@pytest.fixture
async def client(settings: Settings, access: Access) -> AsyncIterator[httpx2.AsyncClient]:
    async with served(echo_app(settings, access=access)) as client:
        client.base_url = HTTPS
        yield client


async def went_to_provider(client: httpx2.AsyncClient) -> str:
    """The address of ours that the provider sends the browser back to."""
    sent = await client.get(TO)
    assert sent.status_code == 303, sent.text
    async with httpx2.AsyncClient() as browser:
        back: str = (await browser.get(sent.headers["location"])).headers["location"]
    assert back.startswith(f"{HTTPS}{BACK}?")
    return back


async def sign_in(client: httpx2.AsyncClient) -> httpx2.Response:
    return await client.get(await went_to_provider(client))


async def test_who_the_provider_vouches_for_is_signed_in(client, access):
    assert (await client.get("/me")).status_code == 401
    back = await sign_in(client)
    assert (back.status_code, back.headers["location"]) == (303, "/")
    me = (await client.get("/me")).json()
    assert (me["name"], me["kind"], me["role"]) == ("mia@example.com", "person", "agent")
    assert [one.password for one in await access.people.everybody()] == [None]


async def test_the_role_is_read_anew_and_the_best_of_several_counts(client, provider):
    await sign_in(client)
    provider.claims["groups"] = ["desk", "ops", 3, {"x": 1}]
    await sign_in(client)
    assert (await client.get("/me")).json()["role"] == "admin"
    provider.claims["groups"] = "desk"
    await sign_in(client)
    assert (await client.get("/me")).json()["role"] == "agent"


@pytest.mark.parametrize("groups", [None, [], ["others"], "ops ", {"ops": True}, 3])
async def test_who_has_no_role_is_refused(client, provider, access, groups):
    provider.claims["groups"] = groups
    assert (await sign_in(client)).status_code == 403
    assert not await access.people.exist()


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://other.example"},
        {"aud": "another"},
        {"aud": ["another", CLIENT_ID], "azp": "another"},
        {"aud": ["another", CLIENT_ID]},
        {"azp": 3},
        {"exp": 1},
        {"exp": None},
        {"nbf": 10**11},
        {"iat": 10**11},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 17},
        {"sub": "1\x00"},
        {"sub": "1" * 256},
    ],
)
async def test_an_id_token_that_is_not_right_signs_nobody_in(client, provider, access, wrong):
    def twist(claims: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**claims, **wrong}.items() if value is not None}

    provider.twist = twist
    back = await sign_in(client)
    assert (back.status_code, "__Host-parley" in client.cookies) == (401, False)
    assert not await access.people.exist()


def by_secret(secret: str) -> Mint:
    """An ID token that whoever knows ``secret`` can make."""

    def mint(claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "HS256", "kid": KEY.kid}, claims, OctKey.import_key(secret))

    return mint


def with_own_key(claims: dict[str, Any]) -> str:
    """One that brings the key to believe it by."""
    header = {"alg": "RS256", "kid": KEY.kid, "jwk": OTHER_KEY.as_dict(private=False)}
    return jwt.encode(header, claims, OTHER_KEY)


@pytest.mark.parametrize(
    "mint",
    [unsigned, by_secret(CLIENT_SECRET), by_secret(f"{KEY.as_dict()}"), with_own_key],
    ids=["none", "the client's secret", "the public key", "its own key"],
)
async def test_an_id_token_that_others_could_make_signs_nobody_in(client, provider, access, mint):
    provider.mint = mint
    assert (await sign_in(client)).status_code == 401
    assert not await access.people.exist()


async def test_an_id_token_signed_by_a_key_the_provider_does_not_show_signs_nobody_in(
    client, provider
):
    provider.signer = OTHER_KEY
    assert (await sign_in(client)).status_code == 401


async def test_keys_that_the_provider_has_changed_are_asked_for_again(provider, settings):
    now = 0.0
    access = Access(openid=openid_of(settings))
    assert access.openid is not None
    access.openid._clock = lambda: time.time() + now
    async with served(echo_app(settings, access=access)) as client:
        client.base_url = HTTPS
        assert (await sign_in(client)).status_code == 303
        provider.signer = OTHER_KEY
        provider.known = [provider.signer]
        assert (await sign_in(client)).status_code == 401
        assert provider.asked_for_keys == 1  # strangers cannot have it asked for all the time
        now = KEYS_AGAIN_S
        assert (await sign_in(client)).status_code == 303
        assert provider.asked_for_keys == 2


async def test_a_key_that_took_the_name_of_another_is_asked_for_too(provider, settings):
    now = 0.0
    access = Access(openid=openid_of(settings))
    assert access.openid is not None
    access.openid._clock = lambda: time.time() + now
    async with served(echo_app(settings, access=access)) as client:
        client.base_url = HTTPS
        assert (await sign_in(client)).status_code == 303
        provider.signer = RSAKey.import_key(OTHER_KEY.as_dict(private=True) | {"kid": KEY.kid})
        provider.known = [provider.signer]
        now = KEYS_AGAIN_S
        assert (await sign_in(client)).status_code == 303


async def test_a_sign_in_that_another_browser_began_is_refused(client, settings, access):
    theirs = await went_to_provider(client)
    client.cookies.clear()
    assert (await client.get(theirs)).status_code == 401
    await went_to_provider(client)
    assert (await client.get(theirs)).status_code == 401
    assert not await access.people.exist()


async def test_a_sign_in_that_failed_is_not_tried_again(client, provider):
    back = await went_to_provider(client)
    provider.signer = OTHER_KEY
    failed = await client.get(back)
    assert (failed.status_code, dict(client.cookies)) == (401, {})


async def test_what_another_provider_sent_the_browser_back_with_signs_nobody_in(client, provider):
    """RFC 9207: a browser that was sent to two providers brings one's code to the other."""
    provider.sends = {"iss": "https://other.example"}
    assert (await sign_in(client)).status_code == 401
    provider.sends = {"iss": provider.issuer}
    assert (await sign_in(client)).status_code == 303


async def test_a_provider_that_says_who_it_is_always_does(client, provider):
    provider.says = {"authorization_response_iss_parameter_supported": True}
    assert (await sign_in(client)).status_code == 401
    provider.sends = {"iss": provider.issuer}
    assert (await sign_in(client)).status_code == 303


@pytest.mark.parametrize("verified", [False, "false", 0])
async def test_an_address_that_nobody_verified_is_nobody_s_name(client, provider, access, verified):
    provider.claims["email_verified"] = verified
    assert (await sign_in(client)).status_code == 403
    assert not await access.people.exist()
    provider.claims["email_verified"] = True
    assert (await sign_in(client)).status_code == 303


class SlowPeople(MemoryPeople):
    """Between looking for somebody and adding them others are served."""

    async def of_subject(self, subject: str) -> Person | None:
        found = await super().of_subject(subject)
        await asyncio.sleep(0)
        return found


async def test_who_signs_in_for_the_first_time_twice_at_once_is_one_person():
    access = Access(SlowPeople())
    mia = Vouched("https://id.example 17", "mia", "agent")
    assert await asyncio.gather(access.vouched(mia), access.vouched(mia))
    assert [one.name for one in await access.people.everybody()] == ["mia"]


async def test_the_session_before_is_over(client):
    await sign_in(client)
    before = client.cookies["__Host-parley"]
    await sign_in(client)
    assert client.cookies["__Host-parley"] != before
    async with httpx2.AsyncClient(
        transport=client._transport, base_url=HTTPS, cookies={"__Host-parley": before}
    ) as thief:
        assert (await thief.get("/me")).status_code == 401


async def drips() -> AsyncIterator[bytes]:
    """Never silent for long, and never at an end."""
    while True:
        yield b" "
        await asyncio.sleep(0.01)


def without_end() -> Iterator[bytes]:
    yield from itertools.repeat(b" " * 65_536)


def nested() -> Response:
    return Response("[" * 100_000, media_type="application/json")


ANSWERS: dict[str, Callable[[], Response]] = {
    "slow": lambda: StreamingResponse(drips()),
    "huge": lambda: StreamingResponse(without_end()),
    "nested": nested,
    "elsewhere": lambda: RedirectResponse("http://169.254.169.254/latest/meta-data"),
    "a list": lambda: JSONResponse([{}]),
    "a text": lambda: JSONResponse("error"),
    "no JSON": lambda: Response("<html>"),
    "nothing": lambda: Response(status_code=204),
    "broken": lambda: Response(status_code=500),
}


@pytest.mark.parametrize("kind", ANSWERS)
async def test_a_provider_that_answers_nonsense_holds_nobody_up(
    client, provider, access, monkeypatch, kind
):
    monkeypatch.setattr("bot.people.openid.CALL_S", 0.3)
    async with asyncio.timeout(10):
        for path in ("/.well-known/openid-configuration", "/token", "/keys"):
            provider.instead = {path: ANSWERS[kind]}
            begun = await client.get(TO)
            answer = await sign_in(client) if begun.status_code == 303 else begun
            assert answer.status_code == 503, answer.text
            assert not await access.people.exist()
            provider.instead = {}
            assert (await client.get(TO)).status_code == 303
        assert (await sign_in(client)).status_code == 303


async def test_a_provider_is_not_followed_to_where_anybody_listens(client, provider):
    for place in ("http://10.0.0.1/x", "file:///etc/passwd", "https://", "http://[", "x"):
        for endpoint in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            provider.says = {endpoint: place}
            assert (await client.get(TO)).status_code == 503
    provider.says = {}
    assert (await client.get(TO)).status_code == 303


async def test_of_the_provider_s_keys_those_that_are_understood_count(client, provider, access):
    keys = [{"kty": "RSA"}, {"kty": "EC", "crv": "X", "x": "A", "y": "A"}, 3, KEY.as_dict()]
    provider.instead["/keys"] = lambda: JSONResponse({"keys": keys})
    assert (await sign_in(client)).status_code == 303
    assert await access.people.exist()


async def test_an_address_cannot_have_the_provider_asked_without_end(client, monkeypatch):
    monkeypatch.setitem(MOST_TRIES, "address", 3)
    statuses = []
    for _ in range(5):
        client.cookies.set("__Host-parley-openid", "a.b.c")
        statuses.append((await client.get(f"{BACK}?state=a&code=x")).status_code)
    assert statuses == [401] * 3 + [429] * 2


async def test_a_code_counts_once(client):
    back = await went_to_provider(client)
    kept = dict(client.cookies)
    assert (await client.get(back)).status_code == 303
    client.cookies.clear()
    client.cookies.update(kept)
    assert (await client.get(back)).status_code == 401


@pytest.mark.parametrize("query", ["", "?state=x", "?code=x", "?error=access_denied&state=x"])
async def test_what_the_provider_did_not_send_signs_nobody_in(client, query):
    await went_to_provider(client)
    assert (await client.get(BACK + query)).status_code == 401


async def test_a_name_that_is_somebody_s_is_not_given_away(client, access):
    await access.people.add(Person("mia@example.com", "admin", "$argon2id$…"))
    assert (await sign_in(client)).status_code == 403
    assert (await client.get("/me")).status_code == 401


async def test_who_is_disabled_here_is_refused(client, access):
    await sign_in(client)
    await access.people.change("mia@example.com", disabled=True)
    assert (await client.get("/me")).status_code == 401
    assert (await sign_in(client)).status_code == 403


async def test_the_secret_and_the_code_are_in_no_log_and_no_answer(client, provider, capsys):
    back = await went_to_provider(client)
    code = parse_qs(urlsplit(back).query)["code"][0]
    provider.signer = OTHER_KEY
    answer = await client.get(back)
    out = capsys.readouterr()
    seen = out.out + out.err + answer.text
    assert CLIENT_SECRET not in seen
    assert code not in seen


async def test_a_provider_that_is_away_is_said_to_be():
    settings = settings_for("http://127.0.0.1:9")
    async with served(echo_app(settings, access=Access(openid=openid_of(settings)))) as client:
        client.base_url = HTTPS
        answer = await client.get(TO)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


async def test_a_provider_of_another_name_is_not_believed(provider):
    settings = settings_for(provider.issuer)
    provider.issuer = "https://other.example"
    async with served(echo_app(settings, access=Access(openid=openid_of(settings)))) as client:
        client.base_url = HTTPS
        assert (await client.get(TO)).status_code == 503


async def test_without_a_provider_there_is_none():
    async with served(echo_app(Settings())) as client:
        assert (await client.get(TO)).status_code == 404


@pytest.mark.parametrize(
    ("missing", "named"),
    [({"oidc_client_id": None}, "CLIENT_ID"), ({"oidc_roles": {}}, "OIDC_ROLES")],
)
def test_settings_that_are_not_enough_stop_the_start(missing, named):
    settings = settings_for("https://id.example").model_copy(update=missing)
    with pytest.raises(SettingsError, match=named):
        openid_of(settings)


def test_without_authlib_the_start_says_what_to_install(monkeypatch):
    monkeypatch.setattr("bot.people.openid.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"parley\[oidc\]"):
        openid_of(settings_for("https://id.example"))


@pytest.mark.parametrize("issuer", ["http://id.example", "id.example", "ftp://id.example"])
def test_a_provider_is_asked_over_https(issuer):
    with pytest.raises(ValueError, match="https"):
        settings_for(issuer)


def test_roles_come_from_the_environment_as_json(monkeypatch):
    monkeypatch.setenv("PARLEY_OIDC_ROLES", json.dumps({"ops": "admin"}))
    assert Settings().oidc_roles == {"ops": "admin"}
