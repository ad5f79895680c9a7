"""JWTs that others signed: which are believed, and that nothing else does harm."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from bot.people.tokens import BadKey, BadToken, Signers, weakness
from tests.signing import signed

SECRET = "a secret of more than sixty-four bytes, which is long enough for HS512"
SIGNERS = Signers([SECRET], method="HS256")


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def pems() -> tuple[str, str]:
    """A private and its public key."""
    private = ed25519.Ed25519PrivateKey.generate()
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    own = private.private_bytes(serialization.Encoding.PEM, *form)
    shape = serialization.PublicFormat.SubjectPublicKeyInfo
    public = private.public_key().public_bytes(serialization.Encoding.PEM, shape)
    return own.decode(), public.decode()


def test_what_is_signed_by_any_of_the_keys_is_believed():
    both = Signers([SECRET[::-1], SECRET], method="HS256")
    assert both.claims(signed({"user": 1}, SECRET)) == {"user": 1}
    assert both.claims(signed({"user": 2}, SECRET[::-1])) == {"user": 2}
    with pytest.raises(BadToken):
        both.claims(signed({"user": 1}, SECRET.upper()))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": {}},
        {"alg": []},
        {"alg": None},
        [],
        {},
        {"alg": "none"},
        {"alg": "HS256", "crit": ["b64"], "b64": False},
        {"alg": "HS256", "crit": 3},
        {"alg": "HS256", "kid": {"x": 1}},
        {"alg": "HS256", "jwk": {"kty": "oct", "k": "YQ"}},
    ],
)
def test_a_header_of_nonsense_is_refused(header):
    with pytest.raises(BadToken):
        SIGNERS.claims(f"{part(header)}.{part({'user': 1})}.c2ln")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": "tomorrow"},
        {"exp": float("nan")},
        {"exp": True},
        {"nbf": 10**11},
        {"iat": {}},
        {"aud": "somebody"},
        {"aud": []},
        {"sub": 3},
    ],
)
def test_claims_of_nonsense_are_refused_though_they_are_signed(claims):
    with pytest.raises(BadToken):
        SIGNERS.claims(signed(claims, SECRET))


@pytest.mark.parametrize("token", ["x" * 1_000_000, "[" * 100_000, ".".join(["[" * 400] * 3)])
def test_what_is_large_or_deep_is_refused(token):
    with pytest.raises(BadToken):
        SIGNERS.claims(token)


@given(st.text())
def test_no_text_breaks_the_reading(text):
    with pytest.raises(BadToken):
        SIGNERS.claims(text)


def test_ed25519_is_known_by_both_its_names():
    own, public = pems()
    assert Signers([public], method="EdDSA").claims(signed({"user": 1}, own, "Ed25519"))


@pytest.mark.parametrize("method", ["RS256", "PS384", "ES512", "EdDSA"])
def test_a_secret_is_no_public_key_and_a_public_key_no_secret(method):
    with pytest.raises(BadKey):
        Signers([SECRET], method=method)
    with pytest.raises(BadKey):
        Signers([pems()[1]], method="HS256")


def test_a_short_secret_is_weak():
    assert weakness(SECRET, "HS512") is None
    assert "at least 32" in (weakness("short", "HS256") or "")
    assert weakness("short", "RS256") is None
