"""Signing in, and what a session opens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx2
import pytest
from argon2 import PasswordHasher
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import BadRequest
from bot.people.access import WITHIN_S, Access, TooManyTries, WrongPassword
from bot.people.passwords import Cost, Passwords, checked
from bot.people.person import Person, name_of, new_stamp
from bot.people.roles import ROLES, Role
from bot.people.sessions import Lifetimes, csrf_token
from bot.settings import Settings
from tests.serving import echo_app, served

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PASSWORD = "correct horse battery"
HTTPS = "https://localhost"
OURS = {"Origin": HTTPS, "Sec-Fetch-Site": "same-origin"}


class Clock:
    """Shows what it is set to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def access_for(clock: Clock, cost: Cost = CHEAP) -> Access:
    return Access(passwords=Passwords(cost), lifetimes=Lifetimes(60, 300), clock=clock)


async def add(access: Access, name: str, role: Role = "agent") -> None:
    kept = await Passwords(CHEAP).hash(PASSWORD)
    await access.people.add(Person(name, role, kept, stamp=new_stamp()))


@asynccontextmanager
async def desk(access: Access, **settings: object) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser on a page of the server."""
    async with served(echo_app(Settings(**settings), access=access)) as client:
        client.base_url = HTTPS
        client.headers.update(OURS)
        yield client


async def sign_in(client: httpx2.AsyncClient, name: str = "mia", password: str = PASSWORD) -> str:
    """The csrf token."""
    said = await client.post("/login", json={"name": name, "password": password})
    assert said.status_code == 200, said.text
    token: str = said.json()["csrf_token"]
    return token


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def access(clock: Clock) -> Access:
    access = access_for(clock)
    await add(access, "mia")
    return access


@pytest.fixture
async def client(access: Access) -> AsyncIterator[httpx2.AsyncClient]:
    async with desk(access) as client:
        yield client


async def test_who_signs_in_is_known_until_signing_out(client):
    assert (await client.get("/me")).status_code == 401
    token = await sign_in(client)
    me = (await client.get("/me")).json()
    assert me == {
        "name": "mia",
        "kind": "person",
        "role": "agent",
        "scopes": sorted(ROLES["agent"]),
        "csrf_token": token,
    }
    cookie = dict(client.cookies)
    out = await client.post("/logout", headers={"X-CSRF-Token": token})
    assert (out.status_code, dict(client.cookies)) == (204, {})
    again = await client.get("/me", headers={"Cookie": "; ".join(map("=".join, cookie.items()))})
    assert again.status_code == 401


async def test_once_there_is_somebody_the_api_asks_who_is_calling(clock):
    access = access_for(clock)
    async with desk(access) as client:
        assert (await client.get("/status")).status_code == 200
        await add(access, "mia")
        assert (await client.get("/status")).status_code == 401
        assert (await client.get("/status?token=x")).status_code == 401
        await sign_in(client)
        assert (await client.get("/status")).status_code == 200


@pytest.mark.parametrize("role", list(ROLES))
async def test_a_person_may_do_what_the_role_may(client, access, role):
    await access.people.change("mia", role=role)
    token = await sign_in(client)
    asked = {"handoff": ("GET", "/handoffs"), "model:write": ("DELETE", "/model")}
    for scope, (method, path) in asked.items():
        answer = await client.request(method, path, headers={"X-CSRF-Token": token})
        assert (answer.status_code == 403) == (scope not in ROLES[role])


async def test_a_person_acts_at_the_desk_under_the_own_name(client):
    token = await sign_in(client)
    headers = {"X-CSRF-Token": token}
    for agent, expected in (("bob", 403), ("mia", 404)):
        at = "/conversations/anna/takeover"
        assert (
            await client.post(at, json={"agent": agent}, headers=headers)
        ).status_code == expected


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_hosts(client):
    said = await client.post("/login", json={"name": "MIA", "password": PASSWORD})
    cookie = said.headers["set-cookie"].lower()
    assert cookie.startswith("__host-parley=")
    for part in ("httponly", "secure", "samesite=lax", "path=/", "max-age=300"):
        assert f"; {part}" in cookie
    assert "domain" not in cookie


async def test_over_plain_http_on_this_machine_the_cookie_is_a_plain_one(client):
    client.base_url = "http://localhost"
    client.headers["Origin"] = "http://localhost"
    said = await client.post("/login", json={"name": "mia", "password": PASSWORD})
    assert said.headers["set-cookie"].startswith("parley=")
    assert (await client.get("/me")).status_code == 200


async def test_behind_a_trusted_proxy_that_ends_tls_the_cookie_is_as_well_kept(access):
    async with desk(access, trusted_proxies=("127.0.0.1",)) as client:
        client.base_url = "http://desk.example"
        brought = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
        body = {"name": "mia", "password": PASSWORD}
        said = await client.post("/login", json=body, headers=brought)
        cookie = said.headers["set-cookie"].lower()
    assert cookie.startswith("__host-parley=")
    assert "; secure" in cookie


async def test_who_signs_in_again_has_one_session(client):
    await sign_in(client)
    before = client.cookies["__Host-parley"]
    await sign_in(client)
    assert client.cookies["__Host-parley"] != before
    stolen = {"Cookie": f"__Host-parley={before}"}
    client.cookies.clear()
    assert (await client.get("/me", headers=stolen)).status_code == 401


async def test_a_cookie_that_plain_http_could_have_set_opens_nothing_over_tls(client, access):
    session_id = await access.open(Person("mia", "agent"))
    answer = await client.get("/me", headers={"Cookie": f"parley={session_id}"})
    assert answer.status_code == 401


async def test_nobody_signs_in_over_plain_http_from_elsewhere(access):
    async with desk(access, host="0.0.0.0", enable_api=True) as client:
        client.base_url = "http://parley.example"
        client.headers["Origin"] = "http://parley.example"
        said = await client.post("/login", json={"name": "mia", "password": PASSWORD})
        assert (said.status_code, "HTTPS" in said.json()["message"]) == (403, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "desk.example"},
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Real-IP": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7;proto=https"},
        {"Forwarded": 'for="[2001:db8::1]:443"'},
    ],
)
async def test_behind_a_proxy_that_nobody_trusts_nobody_signs_in(access, headers):
    """Its browser speaks TLS, as nobody can know here: the cookie would travel unprotected."""
    async with desk(access) as client:
        client.base_url = "http://localhost"
        client.headers["Origin"] = f"http://{headers.get('Host', 'localhost')}"
        body = {"name": "mia", "password": PASSWORD}
        said = await client.post("/login", json=body, headers=headers)
        assert (said.status_code, "set-cookie" in said.headers) == (403, False)
        assert "PARLEY_TRUSTED_PROXIES" in said.json()["message"]
        begun = await client.get("/login/openid", headers=headers)
        assert begun.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "", "Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"X-CSRF-Token": "é"},
    ],
)
async def test_a_change_that_a_page_of_others_sends_is_refused(client, headers):
    token = await sign_in(client)
    given = {"X-CSRF-Token": token, **headers}
    sent = {name: value.encode() for name, value in given.items()}
    answer = await client.post("/logout", headers=sent)
    assert (answer.status_code, answer.json()["reason"]) == (403, "CrossSite")
    assert (await client.get("/me")).status_code == 200


async def test_a_page_of_others_cannot_sign_a_browser_in(client):
    body = {"name": "mia", "password": PASSWORD}
    answer = await client.post("/login", json=body, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_pages_that_the_settings_name_may_change_things(access):
    page = {"Origin": "https://desk.example", "Sec-Fetch-Site": "same-site"}
    async with desk(access, cors=("https://desk.example",)) as client:
        token = await sign_in(client)
        sent = {**page, "X-CSRF-Token": token}
        assert (await client.post("/logout", headers=sent)).status_code == 204


async def test_a_session_nobody_uses_is_over(client, clock):
    await sign_in(client)
    for _ in range(3):
        clock.now += 50
        assert (await client.get("/me")).status_code == 200
    clock.now += 60
    assert (await client.get("/me")).status_code == 401


async def test_a_session_is_over_after_its_time_though_it_is_used(client, clock):
    await sign_in(client)
    statuses = []
    for _ in range(7):
        clock.now += 50
        statuses.append((await client.get("/me")).status_code)
    assert statuses == [200] * 5 + [401] * 2


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"stamp": "another"}, None], ids=["disabled", "stamp", "removed"]
)
async def test_who_may_not_sign_in_any_more_is_out_at_once(client, access, change):
    await sign_in(client)
    if change is None:
        await access.people.remove("mia")
        await add(access, "mia")
    else:
        await access.people.change("mia", **change)
    assert (await client.get("/me")).status_code == 401


async def test_a_role_changes_at_once(client, access):
    await sign_in(client)
    await access.people.change("mia", role="viewer")
    assert (await client.get("/handoffs")).status_code == 403


@pytest.mark.parametrize(
    ("name", "password"),
    [("mia", "wrong"), ("nobody", PASSWORD), ("a b", PASSWORD), ("bob", PASSWORD)],
)
async def test_what_was_wrong_is_not_told(client, access, name, password):
    await add(access, "bob")
    await access.people.change("bob", disabled=True)
    said = await client.post("/login", json={"name": name, "password": password})
    assert (said.status_code, said.json()["message"]) == (
        401,
        "The name and the password do not belong together.",
    )
    assert "set-cookie" not in said.headers


async def test_as_much_is_done_for_a_name_that_is_nobody_s(access, monkeypatch):
    done = []
    verify = type(access._passwords._hasher).verify

    def counted(self, kept, password):
        done.append(kept[:40])
        return verify(self, kept, password)

    monkeypatch.setattr(type(access._passwords._hasher), "verify", counted)
    async with desk(access) as client:
        for name in ("mia", "nobody"):
            await client.post("/login", json={"name": name, "password": "wrong"})
    parameters = [kept.rsplit("$", 1)[0] for kept in done]
    assert len(done) == 2
    assert parameters[0].split("$")[:4] == parameters[1].split("$")[:4]


async def test_the_first_name_a_server_is_asked_for_takes_as_long_as_any_other(clock, monkeypatch):
    done: list[str] = []
    for work in ("hash", "verify"):
        real = getattr(PasswordHasher, work)

        def counted(self, *given, real=real, work=work):
            done.append(work)
            return real(self, *given)

        monkeypatch.setattr(PasswordHasher, work, counted)
    asked = []
    for name in ("mia", "nobody"):
        access = access_for(clock)
        await add(access, "mia")
        done.clear()
        with pytest.raises(WrongPassword):
            await access.sign_in(name, "wrong", address="")
        asked.append(sorted(done))
    assert asked[0] == asked[1]


async def test_passwords_that_are_tried_at_once_are_counted_too(access):
    tries = [access.sign_in("mia", f"wrong {n}", address="192.0.2.1") for n in range(20)]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(each) for each in ended].count(WrongPassword) == 5
    assert [type(each) for each in ended].count(TooManyTries) == 15


async def test_a_password_of_letters_in_parts_opens_as_it_was_made(access):
    """A keyboard that sends an accent apart makes more characters than are kept."""
    password = "e\u0301" * 200
    kept = await access._passwords.hash(checked(password))
    await access.people.add(Person("zoe", "agent", kept, stamp=new_stamp()))
    _, person = await access.sign_in("zoe", password, address="")
    assert person.name == "zoe"


@pytest.mark.parametrize(
    "name",
    [
        "mia\u200b",
        "mi\u00ada",
        "\u202eaim",
        "mia\ufe0f",
        "mia\u3164",
        "m\u034fia",
        "\ufeffmia",
        "mia\U000e0041",
        "mia\u2800",
    ],
)
def test_two_names_that_look_the_same_are_not_two_people(name):
    with pytest.raises(BadRequest, match="seen"):
        name_of(name)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8))
@example("ß\u0301")
def test_a_name_as_it_is_shown_is_the_name(text: str):
    with suppress(BadRequest):
        assert name_of(name_of(text)) == name_of(text)


async def test_wrong_passwords_are_slowed_down_by_name_and_address(client, clock):
    wrong = [await client.post("/login", json={"name": "mia", "password": "x"}) for _ in range(6)]
    assert [each.status_code for each in wrong] == [401] * 5 + [429]
    assert int(wrong[-1].headers["retry-after"]) <= WITHIN_S
    right = {"name": "mia", "password": PASSWORD}
    assert (await client.post("/login", json=right)).status_code == 429
    clock.now += WITHIN_S
    assert (await client.post("/login", json=right)).status_code == 200


async def test_a_right_password_forgets_the_wrong_ones(client):
    for _ in range(3):
        for _ in range(4):
            assert (
                await client.post("/login", json={"name": "mia", "password": "x"})
            ).status_code == 401
        await sign_in(client)


async def test_many_names_from_one_address_are_slowed_down_too(client):
    statuses = {
        (await client.post("/login", json={"name": f"n{n}", "password": "x"})).status_code
        for n in range(100)
    }
    assert statuses == {401}
    last = await client.post("/login", json={"name": "mia", "password": PASSWORD})
    assert last.status_code == 429


async def test_who_has_many_addresses_of_one_network_is_slowed_down_as_one(access):
    """An IPv6 subscriber has 2^64 of them."""
    async with desk(access, trusted_proxies=("127.0.0.1",)) as client:

        async def status(address: str, password: str) -> int:
            headers = {"X-Forwarded-For": address, "X-Forwarded-Proto": "https"}
            body = {"name": "mia", "password": password}
            return (await client.post("/login", json=body, headers=headers)).status_code

        assert [await status(f"2001:db8::{n:x}", "x") for n in range(5)] == [401] * 5
        assert await status("2001:db8::ffff", PASSWORD) == 429
        assert await status("2001:db8:0:1::1", PASSWORD) == 200


async def test_an_address_without_tries_left_makes_us_remember_nothing(access):
    for number in range(100):
        with pytest.raises(WrongPassword):
            await access.sign_in(f"n{number}", "x", address="192.0.2.1")
    before = len(access._tries._tries)
    for number in range(100, 200):
        with pytest.raises(TooManyTries):
            await access.sign_in(f"n{number}", "x", address="192.0.2.1")
    assert len(access._tries._tries) == before


async def test_a_hash_of_another_cost_is_made_anew_when_the_person_signs_in(clock):
    access = access_for(clock, Cost(passes=2, memory_kib=16, lanes=1))
    await add(access, "mia")
    before = (await access.people.get("mia")).password
    async with desk(access) as client:
        await sign_in(client)
        after = (await access.people.get("mia")).password
        assert "m=16,t=2" in after
        assert before != after
        await sign_in(client)
    assert (await access.people.get("mia")).password == after


@pytest.mark.parametrize(
    "body",
    [{}, {"name": "mia"}, {"name": "", "password": "x"}, {"name": "m", "password": "x" * 2000}],
)
async def test_what_is_no_login_is_refused_and_the_password_is_not_repeated(client, body):
    said = await client.post("/login", json=body)
    assert said.status_code == 422
    assert "xxx" not in said.text


async def test_a_password_and_a_session_are_seen_by_no_log_and_no_metric(client, capsys):
    token = await sign_in(client)
    session_id = client.cookies["__Host-parley"]
    await client.post("/login", json={"name": "mia", "password": "a wrong password"})
    metrics = (await client.get("/metrics")).text
    out = capsys.readouterr()
    seen = out.out + out.err + metrics
    assert not [s for s in (PASSWORD, "a wrong password", session_id, token) if s in seen]


async def test_what_a_page_sends_along_tells_nothing_of_the_session(client):
    token = await sign_in(client)
    session_id = client.cookies["__Host-parley"]
    assert token == csrf_token(session_id)
    assert session_id not in token
    assert len(session_id) >= 43
