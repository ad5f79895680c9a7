"""Headers that keep a browser from doing more with an answer than it is for."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": NOTHING,
    "Cache-Control": "no-store",
}
_RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class SecurityHeaders:
    """Puts them on every answer that does not say otherwise; pages bring their own
    Content-Security-Policy and Cache-Control.

    ``hsts_s``: for how long browsers that came over HTTPS shall come no other way; 0: not said.
    """

    def __init__(self, app: ASGIApp, *, hsts_s: int = 0) -> None:
        self._app = app
        hsts = (b"strict-transport-security", f"max-age={hsts_s}".encode())
        self._secure = [*_RAW, hsts] if hsts_s else _RAW

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message["headers"]
                there = {name for name, _ in own}
                ours = self._secure if scope["scheme"] == "https" else _RAW
                message["headers"] = [*own, *(each for each in ours if each[0] not in there)]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
