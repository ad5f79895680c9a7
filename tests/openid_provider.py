"""An OpenID provider on loopback: discovery, code flow with PKCE, ID tokens signed by RS256."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "parley desk", "s3cret:with/signs"
KEY, OTHER_KEY = (RSAKey.generate_key(2048, auto_kid=True) for _ in range(2))
Twist = Callable[[dict[str, Any]], dict[str, Any]]
Mint = Callable[[dict[str, Any]], str]
Answer = Callable[[Request], Awaitable[Response]]


class FakeProvider:
    """What a test holds in its hand.

    ``claims`` are said of whoever signs in; ``twist`` changes an ID token's claims before it is
    signed by ``signer``, or made by ``mint``; ``known`` are the keys it shows. ``says`` is what it
    says of itself beside the usual, ``sends`` what a browser brings back beside it, ``instead``
    what it answers at a path instead.
    """

    def __init__(self) -> None:
        self.issuer = ""
        self.claims: dict[str, Any] = {"sub": "17", "email": "Mia@example.com", "groups": ["desk"]}
        self.twist: Twist = lambda claims: claims
        self.signer = KEY
        self.mint: Mint = self._minted
        self.says: dict[str, Any] = {}
        self.sends: dict[str, str] = {}
        self.instead: dict[str, Callable[[], Response]] = {}
        self.known = [self.signer]
        self.asked_for_keys = 0
        self._codes: dict[str, dict[str, str]] = {}

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._or_instead(self._discovery)),
                Route("/authorize", self._authorize),
                Route("/token", self._or_instead(self._token), methods=["POST"]),
                Route("/keys", self._or_instead(self._keys)),
            ]
        )

    def _or_instead(self, answer: Answer) -> Answer:
        async def answered(request: Request) -> Response:
            other = self.instead.get(request.url.path)
            return other() if other else await answer(request)

        return answered

    async def _discovery(self, request: Request) -> JSONResponse:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
        found = {name: f"{self.issuer}/{path}" for name, path in places.items()}
        own = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        return JSONResponse({**own, **found, **self.says})

    async def _authorize(self, request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        assert asked["client_id"] == CLIENT_ID
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"], **self.sends})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 303)

    async def _token(self, request: Request) -> JSONResponse:
        form = dict(parse_qsl((await request.body()).decode()))
        asked = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        client = base64.b64decode(given).decode() if kind == "Basic" else ""
        if (
            asked is None
            or challenge != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
            or client != f"{CLIENT_ID}:{CLIENT_SECRET}"
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        usual = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        token = self.mint(self.twist(usual))
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": token})

    def _minted(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.signer.kid}, claims, self.signer)

    async def _keys(self, request: Request) -> JSONResponse:
        self.asked_for_keys += 1
        return JSONResponse(KeySet(self.known).as_dict())
