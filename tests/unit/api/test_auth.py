"""Who may call the API."""

from __future__ import annotations

import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bot.errors import SettingsError
from bot.settings import Settings
from tests.serving import echo_app, served

SECRET = "a secret of more than sixty-four bytes, which is long enough for HS512"
TRACKER = "/conversations/anna/tracker"


def token(user: object, key: str = SECRET, method: str = "HS256", **claims: object) -> str:
    return jwt.encode({"user": user, **claims}, key, algorithm=method)


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


@pytest.mark.parametrize(
    "path", ["/", "/version", "/health", "/ready", "/metrics", "/webhooks/rest/", "/docs"]
)
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
        token(ADMIN, nbf=time.time() + 1000),
        jwt.encode({"user": ADMIN}, "", algorithm="none"),
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
        ("0.0.0.0", True, True),
        ("127.0.0.1", False, False),
    ],
)
async def test_the_api_is_there_for_this_machine_or_when_it_is_wanted(host, enable, there):
    paths = ["/status", "/version", TRACKER]
    found = [await status(path, host=host, enable_api=enable) for path in paths]
    assert found == [200 if there else 404] * 3
    assert await status("/health", host=host, enable_api=enable) == 200


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
