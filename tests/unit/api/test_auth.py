"""Who may call the API."""

from __future__ import annotations

import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bot.api.auth import check_is_guarded
from bot.errors import SettingsError
from bot.people.access import Access
from bot.people.person import Person
from bot.settings import Settings
from tests.serving import echo_app, served
from tests.signing import signed, unsigned

SECRET = "a secret of more than sixty-four bytes, which is long enough for HS512"
TRACKER = "/conversations/anna/tracker"


def token(user: object, key: str = SECRET, method: str = "HS256", **claims: object) -> str:
    return signed({"user": user, **claims}, key, method)


ADMIN = {"username": "boss", "role": "admin"}
ANNA = {"username": "anna", "role": "user"}


async def status(path: str, *, bearer: str = "", method: str = "GET", **settings: object) -> int:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    async with served(echo_app(Settings(**settings))) as client:
        return (await client.request(method, path, headers=headers)).status_code


@pytest.mark.parametrize("path", ["/status", TRACKER, "/domain", f"{TRACKER}?include_events=ALL"])
async def test_without_token_and_secret_everyone_may_call(path):
    assert await status(path) == 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 401),
        ("?token=", 401),
        ("?token=wrong", 401),
        ("?token=s3cret%20", 401),
        ("?token=s3cre", 401),
        ("?token=s%C3%A9cret", 401),
        ("?token=s3cret", 200),
        ("?token=wrong&token=s3cret", 200),
        ("?token=s3cret&include_events=NONE", 200),
    ],
)
async def test_the_token_opens_everything(query, expected):
    assert await status(f"{TRACKER}{query}", auth_token="s3cret") == expected
    assert await status(f"/status{query}", auth_token="s3cret") == expected


@pytest.mark.parametrize("path", ["/", "/version", "/health", "/ready", "/webhooks/rest/", "/docs"])
async def test_what_is_no_secret_asks_nobody(path):
    assert await status(path, auth_token="s3cret", jwt_secret=SECRET) == 200


async def test_channels_are_not_covered():
    async with served(echo_app(Settings(auth_token="s3cret"))) as client:
        said = await client.post("/webhooks/rest/webhook", json={"message": "hello"})
    assert said.status_code == 200


@pytest.mark.parametrize(
    ("user", "path", "expected"),
    [
        (ADMIN, "/status", 200),
        (ADMIN, TRACKER, 200),
        (ANNA, TRACKER, 200),
        (ANNA, "/conversations/bob/tracker", 403),
        (ANNA, "/conversations/anna/b/tracker", 403),
        (ANNA, "/status", 403),
        ({"username": "a/b", "role": "user"}, "/conversations/a/b/tracker", 200),
        ({"username": None, "role": "user"}, "/status", 403),
        ({"role": "user"}, TRACKER, 403),
        ({"username": "anna"}, TRACKER, 403),
        ({"username": "anna", "role": "root"}, TRACKER, 403),
        ("anna", TRACKER, 403),
        (None, TRACKER, 403),
        ([ADMIN], TRACKER, 403),
    ],
)
async def test_a_jwt_opens_what_its_user_may_do(user, path, expected):
    assert await status(path, bearer=token(user), jwt_secret=SECRET) == expected


@pytest.mark.parametrize(
    "bearer",
    [
        "nonsense",
        "a.b.c",
        token(ADMIN, SECRET[::-1]),
        token(ADMIN, SECRET, "HS512"),
        token(ADMIN, exp=time.time() - 10),
        token(ADMIN, nbf=time.time() + 86_400),
        unsigned({"user": ADMIN}),
    ],
)
async def test_a_jwt_that_is_not_valid_opens_nothing(bearer):
    assert await status("/status", bearer=bearer, jwt_secret=SECRET) == 401


async def test_with_both_either_is_enough():
    both = {"auth_token": "s3cret", "jwt_secret": SECRET}
    assert await status("/status?token=s3cret", **both) == 200
    assert await status("/status", bearer=token(ADMIN), **both) == 200
    assert await status("/status", **both) == 401


def pem(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> tuple[str, str]:
    """Its private and its public key."""
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    own = private.private_bytes(serialization.Encoding.PEM, *form)
    shape = serialization.PublicFormat.SubjectPublicKeyInfo
    return own.decode(), private.public_key().public_bytes(
        serialization.Encoding.PEM, shape
    ).decode()


@pytest.mark.parametrize(
    ("method", "private"),
    [
        ("RS256", rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        ("ES256", ec.generate_private_key(ec.SECP256R1())),
    ],
)
async def test_a_jwt_may_be_signed_with_a_private_key(method, private):
    own, public = pem(private)
    settings = {"jwt_secret": public, "jwt_method": method}
    assert await status("/status", bearer=token(ADMIN, own, method), **settings) == 200
    assert await status("/status", bearer=token(ADMIN), **settings) == 401


async def test_a_public_key_is_no_secret_to_sign_with():
    """Who knows the public key must not be able to make tokens with it."""
    _, public = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    with pytest.raises(SettingsError, match="PARLEY_JWT_SECRET"):
        echo_app(Settings(jwt_secret=public, jwt_method="HS256"))


def test_a_secret_that_is_no_key_stops_the_start():
    with pytest.raises(SettingsError, match="RS256"):
        echo_app(Settings(jwt_secret=SECRET, jwt_method="RS256"))


@pytest.mark.parametrize(
    ("host", "enable", "there"),
    [
        ("127.0.0.1", None, True),
        ("localhost", None, True),
        ("::1", None, True),
        ("0.0.0.0", None, False),
        ("192.0.2.7", None, False),
        ("127.0.0.1", False, False),
    ],
)
async def test_the_api_is_there_for_this_machine_or_when_it_is_wanted(host, enable, there):
    paths = ["/status", "/version", TRACKER]
    found = [await status(path, host=host, enable_api=enable) for path in paths]
    assert found == [200 if there else 404] * 3
    assert await status("/health", host=host, enable_api=enable) == 200


OPEN = {"host": "0.0.0.0", "enable_api": True}


async def test_the_api_is_not_served_to_others_while_nobody_can_prove_who_he_is():
    settings = Settings(**OPEN)
    with pytest.raises(SettingsError, match=r"PARLEY_AUTH_TOKEN .* PARLEY_PROXY_AUTHENTICATES"):
        await check_is_guarded(settings, Access())
    assert await status("/status", **OPEN) == 401


@pytest.mark.parametrize(
    "known", [{"auth_token": "s3cret"}, {"jwt_secret": SECRET}, {"jwt_secret_old": SECRET}]
)
async def test_the_api_is_served_to_others_who_prove_who_they_are(known):
    await check_is_guarded(Settings(**OPEN, **known), Access())
    assert await status("/status", **OPEN, **known) == 401


async def test_the_api_is_served_to_others_once_somebody_may_sign_in():
    access = Access()
    await access.people.add(Person("mia", "agent"))
    await check_is_guarded(Settings(**OPEN), access)
    async with served(echo_app(Settings(**OPEN), access=access)) as client:
        assert (await client.get("/status")).status_code == 401


async def test_a_proxy_may_ask_who_is_calling():
    await check_is_guarded(Settings(**OPEN, proxy_authenticates=True), Access())
    assert await status("/status", **OPEN, proxy_authenticates=True) == 200


async def test_the_metrics_are_not_shown_to_others_while_nobody_can_prove_who_he_is():
    assert await status("/metrics", host="0.0.0.0") == 401
    assert await status("/metrics", host="0.0.0.0", auth_token="s3cret") == 401
    assert await status("/metrics?token=s3cret", host="0.0.0.0", auth_token="s3cret") == 200
    assert await status("/metrics") == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:5005", 200),
        ("[::1]:5005", 200),
        ("LOCALHOST", 200),
        ("evil.example", 403),
        ("localhost.evil.example:5005", 403),
        ("a{b.evil.example", 403),
        ("evil.example:5005:80", 403),
        ("evil.example:80@localhost", 403),
        ("", 403),
    ],
)
async def test_a_page_whose_name_leads_to_this_machine_reads_nothing(host, expected):
    """DNS rebinding: the browser takes it for the page's own server."""
    async with served(echo_app(Settings())) as client:
        answer = await client.get(TRACKER, headers={"Host": host})
    assert answer.status_code == expected


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [("203.0.113.7", 403), ("127.0.0.1, 203.0.113.7", 403), ("nonsense", 403), ("127.0.0.1", 200)],
)
async def test_what_a_proxy_on_this_machine_brings_from_elsewhere_reads_nothing(
    forwarded, expected
):
    """Many proxies name whom they call, localhost, instead of whom their client called."""
    headers = {"X-Forwarded-For": forwarded}
    async with served(echo_app(Settings())) as client:
        assert (await client.get(TRACKER, headers=headers)).status_code == expected
    async with served(echo_app(Settings(trusted_proxies=("127.0.0.1",)))) as client:
        assert (await client.get(TRACKER, headers=headers)).status_code == expected
    async with served(echo_app(Settings(proxy_authenticates=True))) as client:
        assert (await client.get(TRACKER, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Real-IP": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"Forwarded": "for=127.0.0.1, for=203.0.113.7;host=localhost"},
        {"Forwarded": "by=127.0.0.1"},
    ],
)
async def test_however_a_proxy_names_who_is_elsewhere_he_reads_nothing(headers):
    async with served(echo_app(Settings())) as client:
        assert (await client.get(TRACKER, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_a_page_of_others_changes_nothing_where_nobody_is_asked(headers, expected):
    """Browsers send such a body anywhere without asking, whatever CORS says."""
    async with served(echo_app(Settings())) as client:
        answer = await client.post(
            "/conversations/anna/tracker/events",
            content='{"event": "restart"}',
            headers={"Content-Type": "text/plain", **headers},
        )
    assert answer.status_code == expected


async def test_a_token_is_seen_by_no_log(capsys):
    await status(f"{TRACKER}?token=s3cret", auth_token="s3cret")
    await status("/nowhere?token=s3cret", auth_token="s3cret")
    out = capsys.readouterr()
    assert "s3cret" not in out.out + out.err


async def test_a_token_is_seen_by_no_route():
    seen = []
    app = echo_app(Settings(auth_token="s3cret"))

    @app.get("/probe")
    async def probe(request: object) -> None:
        """Never asked: only its scope is looked at."""

    @app.middleware("http")
    async def look(request, call_next):
        seen.append((request.url.query, request.scope["query_string"]))
        return await call_next(request)

    async with served(app) as client:
        answer = await client.get(f"{TRACKER}?a=1&token=s3cret&b=%20x")
    assert answer.status_code == 200
    assert seen == [("a=1&b=+x", b"a=1&b=+x")]


async def answers(paths, *, bearer: str = "", **settings: object) -> dict[str, int]:
    """The status of each ``METHOD path`` for a caller; posted bodies are empty."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    found = {}
    async with served(echo_app(Settings(**settings))) as client:
        for each in paths:
            method, path = each.split()
            found[each] = (await client.request(method, path, headers=headers)).status_code
    return found


READ, WRITE = f"GET {TRACKER}", "POST /conversations/anna/tracker/events"
HANDOFF, STATUS, UNLOAD, METRICS = "GET /handoffs", "GET /status", "DELETE /model", "GET /metrics"
EVERY = (READ, WRITE, HANDOFF, STATUS, UNLOAD, METRICS)


@pytest.mark.parametrize(
    ("role", "opened"),
    [
        ("viewer", {READ, STATUS, METRICS}),
        ("agent", {READ, STATUS, METRICS, HANDOFF}),
        ("builder", {READ, STATUS, METRICS, HANDOFF, WRITE, UNLOAD}),
        ("admin", set(EVERY)),
        ("user", {READ, WRITE}),
        ("root", set()),
    ],
)
async def test_a_role_opens_what_it_is_for(role, opened):
    bearer = token({"username": "anna", "role": role})
    found = await answers(EVERY, bearer=bearer, jwt_secret=SECRET)
    assert {path for path, code in found.items() if code != 403} == opened
    assert 401 not in found.values()


@pytest.mark.parametrize(
    ("claims", "opened"),
    [
        ({"scope": "metrics"}, {METRICS}),
        ({"sub": "prometheus", "scope": "metrics  model:read\n"}, {METRICS, STATUS}),
        ({"user": ADMIN, "scope": "handoff"}, {HANDOFF}),
        ({"user": ANNA, "scope": "conversations:read"}, {READ}),
        ({"user": ANNA, "scope": "handoff metrics"}, set()),
        ({"user": {"role": "viewer"}, "scope": "people model:write"}, set()),
        ({"user": {"role": "root"}, "scope": "metrics"}, set()),
        ({"scope": "everything *"}, set()),
        ({"scope": ["metrics"]}, set()),
        ({"user": ADMIN, "scope": ""}, set()),
        ({"user": ADMIN, "scope": ["metrics"]}, set()),
        ({"user": ADMIN, "scope": None}, set()),
    ],
)
async def test_the_scope_of_a_jwt_narrows_what_it_opens(claims, opened):
    found = await answers(EVERY, bearer=signed(claims, SECRET), jwt_secret=SECRET)
    assert {path for path, code in found.items() if code != 403} == opened


async def test_a_token_may_come_in_a_header():
    assert await status(TRACKER, bearer="s3cret", auth_token="s3cret") == 200
    assert await status(TRACKER, bearer="s3cre", auth_token="s3cret") == 401
    assert await status(TRACKER, bearer="s3cret", jwt_secret=SECRET) == 401


async def test_while_a_secret_changes_the_one_before_is_taken_too():
    tokens = {"auth_token": "new", "auth_token_old": "old"}
    found = [await status(f"/status?token={one}", **tokens) for one in ("new", "old", "older")]
    assert found == [200, 200, 401]
    secrets = {"jwt_secret": SECRET, "jwt_secret_old": SECRET[::-1]}
    bearers = [token(ADMIN, key) for key in (SECRET, SECRET[::-1], SECRET.upper())]
    assert [await status("/status", bearer=one, **secrets) for one in bearers] == [200, 200, 401]


async def test_an_old_secret_alone_is_asked_for():
    assert await status("/status", auth_token_old="old") == 401


async def test_a_jwt_for_another_audience_opens_nothing():
    assert await status("/status", bearer=token(ADMIN, aud="shop"), jwt_secret=SECRET) == 401


async def test_a_user_cannot_send_a_person_away_from_his_conversation():
    async with served(echo_app(Settings(jwt_secret=SECRET))) as client:

        async def said(user, method, path, body, **more):
            headers = {"Authorization": f"Bearer {token(user)}"}
            at = f"/conversations/anna/{path}"
            return (await client.request(method, at, json=body, headers=headers)).status_code

        event = {"event": "session_started"}
        acts = [
            ("POST", "tracker/events", {"event": "resume"}),
            ("POST", "tracker/events", {"event": "agent", "text": "I am Mia."}),
            ("PUT", "tracker/events", [event]),
            ("POST", "execute", {"name": "action_listen"}),
            ("POST", "trigger_intent", {"name": "greet"}),
        ]
        assert await said(ANNA, "POST", "tracker/events", event) == 200
        assert await said(ADMIN, "POST", "takeover", {"agent": "mia"}) == 200
        assert [await said(ANNA, *act) for act in acts] == [403] * len(acts)
        assert await said(ANNA, "GET", "tracker", None) == 200
        assert await said(ANNA, "POST", "messages", {"text": "hi", "sender": "user"}) == 200
        assert await said(ADMIN, "POST", "resume", {"agent": "mia"}) == 200
        assert await said(ANNA, *acts[0]) == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "tracker/events", {"event": "resume"}),
        ("PUT", "tracker/events", [{"event": "session_started"}]),
        ("POST", "execute", {"name": "action_listen"}),
    ],
)
async def test_who_takes_over_while_a_user_s_request_comes_in_keeps_the_conversation(
    method, path, body
):
    inboxes = []
    async with served(echo_app(Settings(jwt_secret=SECRET), watch=inboxes.append)) as client:
        headers = {"Authorization": f"Bearer {token(ANNA)}"}
        at = "/conversations/anna"
        event = {"event": "session_started"}
        await client.post(f"{at}/tracker/events", json=event, headers=headers)
        log = inboxes[0].parley.log
        look = log.handoff

        async def and_then_taken(conversation_id):
            found = await look(conversation_id)
            log.handoff = look
            desk = {"Authorization": f"Bearer {token(ADMIN)}"}
            taken = await client.post(f"{at}/takeover", json={"agent": "mia"}, headers=desk)
            assert taken.status_code == 200
            return found

        log.handoff = and_then_taken
        answer = await client.request(method, f"{at}/{path}", json=body, headers=headers)
        assert answer.status_code == 403
        assert (await log.handoff("anna")).agent == "mia"
        last = (await log.history("anna")).events[-1]
    assert type(last).__name__ == "ConversationPaused"


async def test_a_user_cannot_speak_as_a_person_of_the_desk():
    async with served(echo_app(Settings(jwt_secret=SECRET))) as client:
        headers = {"Authorization": f"Bearer {token(ANNA)}"}
        at = "/conversations/anna/tracker/events"
        for method in ("POST", "PUT"):
            body = [{"event": "session_started"}, {"event": "agent", "text": "I am Mia."}]
            answer = await client.request(method, at, json=body, headers=headers)
            assert answer.status_code == 403


@pytest.mark.parametrize("scheme", ["token", "bearer"])
async def test_the_description_of_the_api_says_what_a_route_asks_for(scheme):
    async with served(echo_app()) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    asked = paths["/handoffs"]["get"]["security"]
    assert {scheme: ["handoff"]} in asked
    assert "security" not in paths["/version"]["get"]
