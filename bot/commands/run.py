"""`parley run`: the children that are missing, then the server, until it is told to end."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from errno import EACCES, EADDRINUSE
from typing import Any

import structlog
import uvicorn
import uvloop
from msgspec.structs import asdict
from rich.console import Console

from bot.app import create_app
from bot.children import actions, redis
from bot.children.child import Child
from bot.children.home import held
from bot.children.watch import Watch
from bot.commands.packets import Protocol
from bot.commands.tls import tls_context
from bot.errors import SettingsError
from bot.model.loading import own_project
from bot.project.paths import ProjectPaths
from bot.settings import Settings, is_loopback, load_settings
from bot.telemetry import start_logging

_STOP_S = 10  # for requests in hand when the server is told to end
_ANOTHER_PORT = "Stop what is there, or choose another port: --port, PARLEY_PORT, make run PORT=…"
OPEN_TO_ALL = (
    "Whoever reaches this address can read and change every conversation over the API: "
    "set --auth-token or --jwt-secret"
)
# What turns leave behind has no cycles: with Python's own thresholds a tenth of the time of a busy
# server goes into looking for some.
_GARBAGE = (10_000, 20, 20)
_ANOTHER_HOST = "Choose an address of this machine: --host, PARLEY_HOST"


def run_server(*, paths: ProjectPaths | None = None, **given: Any) -> int:
    """Serve until SIGINT or SIGTERM; gives the exit status. Raises ParleyError.

    ``given`` are settings, by their names; None leaves one to the environment.
    """
    settings = load_settings(**given, **(asdict(paths) if paths else {}))
    start_logging(settings)
    context = tls_context(settings)
    with ExitStack() as stack:
        stack.enter_context(_ended_by_sigterm())
        listening = stack.enter_context(_listen(settings))
        settings, children, notes = _start_children(settings, stack)
        notes += _warnings(settings)
        with Watch(children):
            uvloop.run(_serve(settings, listening, notes, context))
    return 0


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM during the start unwinds it as Ctrl-C does; later uvicorn takes both."""

    def end(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _listen(settings: Settings) -> Iterator[socket.socket]:
    """The socket to serve on, bound before anything is started. Raises SettingsError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((settings.host, settings.port))
            listening.listen(2048)  # a port is taken only once somebody listens
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            hint = _ANOTHER_PORT if error.errno in (EACCES, EADDRINUSE) else _ANOTHER_HOST
            raise SettingsError(
                f"cannot listen on {settings.host}:{settings.port}: {reason}. {hint}"
            ) from error
        yield listening


def _start_children(
    settings: Settings, stack: ExitStack
) -> tuple[Settings, list[Child], list[str]]:
    """Start what the settings leave to us; gives the settings completed with it."""
    project = own_project(settings)
    settings = settings.completed(project.endpoints)
    children: list[Child] = []
    notes: list[str] = []
    if settings.redis_url is None or settings.database_url is None:
        stack.enter_context(held(settings.home))
    if settings.redis_url is None:
        child, url = redis.start(settings.home)
        stack.callback(child.stop)
        settings = settings.model_copy(update={"redis_url": url})
        children.append(child)
        notes.append(f"Redis     {redis.find_server().name}, its file in {settings.home}/redis")
    if actions.wanted(settings, project):
        child, url = actions.start(settings.project, actions.interpreter(settings.actions_python))
        stack.callback(child.stop)
        settings = settings.model_copy(update={"actions_url": url})
        children.append(child)
        notes.append(f"actions   rasa-sdk in {settings.actions_python or sys.executable}")
        child.wait_until(lambda: actions.is_ready(url), within_s=actions.READY_WITHIN_S)
    return settings, children, notes


def _warnings(settings: Settings) -> list[str]:
    """What somebody who starts a server for others should know."""
    if not settings.serves_api:
        return ["API       is off; --enable-api turns it on, best with --auth-token"]
    if settings.asks_who or is_loopback(settings.host):
        return []
    structlog.get_logger().warning("api.open_to_all", host=settings.host, hint=OPEN_TO_ALL)
    return [f"WARNING   {OPEN_TO_ALL}"]


async def _serve(
    settings: Settings,
    listening: socket.socket,
    notes: list[str],
    context: ssl.SSLContext | None,
) -> None:
    gc.set_threshold(*_GARBAGE)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=Protocol,
        log_config=None,
        access_log=False,
        lifespan="off",  # opened here, so that what it raises is an error and not a log line
        server_header=False,
        ws="websockets-sansio",  # "auto" would serve without sockets where the module is missing
        ws_max_size=65_536,
        timeout_graceful_shutdown=_STOP_S,
        ssl_context_factory=(lambda *_: context) if context else None,
    )
    config.load()
    scheme = "https" if context else "http"
    async with app.router.lifespan_context(app):
        server = _Server(config, lambda: _say_ready(listening, notes, scheme), app.state.let_go)
        await server.serve([listening])


class _Server(uvicorn.Server):
    """Ends at SIGINT and SIGTERM, and leaves the rest of the process to end in its order."""

    def __init__(
        self, config: uvicorn.Config, on_ready: Any, let_go: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._let_go = let_go

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._let_go()  # of connections that would not end by themselves
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield  # the handlers stay: closing down is not interrupted by a second Ctrl-C


def _say_ready(listening: socket.socket, notes: list[str], scheme: str) -> None:
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    url = f"{scheme}://{shown}:{port}"
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("\n[bold green]Parley is ready.[/] Ctrl-C ends it.")
    console.print(f"  chat      [bold]{url}/[/]")
    console.print(f"  docs      {url}/docs")
    message = '{"sender": "me", "message": "hello"}'
    console.print(f"  shell     curl -s {url}/webhooks/rest/webhook -d '{message}'", markup=False)
    for note in notes:
        console.print(f"  {note}", markup=False)
    structlog.get_logger().debug("server.listening", host=host, port=port)
