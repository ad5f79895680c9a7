"""One process that serves: uvicorn around the application, until it is told to end."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

# Here, so that a missing module ends the start; "auto" would serve without sockets.
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from bot.commands.memory import settle_memory
from bot.commands.patience import PatientProtocol

TICKS = 10  # of uvicorn in a second
STOP_S = 10  # for requests in hand when the server is told to end
# What turns leave behind has no cycles: with Python's own thresholds a tenth of the time of a busy
# server goes into looking for some.
_GARBAGE = (10_000, 20, 20)


async def serve(
    app: FastAPI,
    listening: socket.socket,
    context: ssl.SSLContext | None,
    on_ready: Callable[[], None],
    *,
    slow_s: float = 20.0,
    most_head_bytes: int = 32_768,
) -> None:
    """Serve ``app``, whose lifespan has begun, on ``listening`` until SIGINT or SIGTERM.

    ``on_ready`` is called when it takes requests. ``slow_s`` and ``most_head_bytes`` as in
    ``PatientProtocol``.
    """
    gc.set_threshold(*_GARBAGE)
    settle_memory()
    config = uvicorn.Config(
        app,
        http=cast(Any, partial(PatientProtocol, slow_s=slow_s, most_head_bytes=most_head_bytes)),
        log_config=None,
        access_log=False,
        proxy_headers=False,  # `bot.api.proxies` does it
        lifespan="off",  # opened by the caller, so that what it raises is an error and no log line
        server_header=False,
        ws=WebSocketsSansIOProtocol,
        ws_max_size=65_536,
        timeout_graceful_shutdown=STOP_S,
        ssl_context_factory=(lambda *_: context) if context else None,
    )
    config.load()
    await _Server(config, on_ready, app.state.let_go).serve([listening])


class _Server(uvicorn.Server):
    """Ends at SIGINT and SIGTERM, and leaves the rest of the process to end in its order."""

    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None],
        let_go: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._let_go = let_go

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, PatientProtocol):
                    connection.end_if_slow(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._let_go()  # of connections that would not end by themselves
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield  # the handlers stay: closing down is not interrupted by a second Ctrl-C
