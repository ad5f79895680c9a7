"""Who asks, where proxies stand between: only proxies that the settings name are believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

log = structlog.get_logger(__name__)

_SAYS = b"x-forwarded-for"


class Proxies:
    """Takes the client's address and scheme from X-Forwarded-For and -Proto of ``trusted`` ones.

    Of several addresses the last one that no trusted proxy has is the client's: what stands before
    it, the client may have written itself.
    """

    def __init__(self, app: ASGIApp, *, trusted: Sequence[str]) -> None:
        believing: Any = ProxyHeadersMiddleware(app, list(trusted))  # type: ignore[arg-type]
        self._believing: ASGIApp = believing
        self._trusted = believing.trusted_hosts
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._warned and scope["type"] in ("http", "websocket"):
            self._look(scope)
        await self._believing(scope, receive, send)

    def _look(self, scope: Scope) -> None:
        """Say once that there is a proxy that nobody told us of."""
        address = scope["client"][0] if scope.get("client") else ""
        if address in self._trusted or not any(name == _SAYS for name, _ in scope["headers"]):
            return
        self._warned = True
        log.warning(
            "proxy.not_trusted",
            address=address,
            hint="X-Forwarded-For is not believed from there; if a proxy of yours has this "
            "address, name it in PARLEY_TRUSTED_PROXIES.",
        )
