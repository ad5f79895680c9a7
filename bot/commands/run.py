"""`parley run`: the children that are missing, then the server, until it is told to end."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from errno import EACCES, EADDRINUSE
from functools import partial
from typing import Any

import structlog
import uvloop
from msgspec.structs import asdict
from rich.console import Console

from bot.children import actions, redis
from bot.children.child import Child
from bot.children.home import held
from bot.children.watch import Watch
from bot.commands.stopping import ended_by_sigterm
from bot.commands.tls import tls_context
from bot.errors import SettingsError
from bot.project.paths import ProjectPaths
from bot.settings import Settings, load_settings
from bot.starting import own_project
from bot.telemetry import start_logging

_ANOTHER_PORT = "Stop what is there, or choose another port: --port, PARLEY_PORT, make run PORT=…"
_ANOTHER_HOST = "Choose an address of this machine: --host, PARLEY_HOST"


def run_server(*, paths: ProjectPaths | None = None, **given: Any) -> int:
    """Serve until SIGINT or SIGTERM; gives the exit status. Raises ParleyError.

    ``given`` are settings, by their names; None leaves one to the environment.
    """
    given |= asdict(paths) if paths else {}
    settings = load_settings(**given)
    start_logging(settings)
    context = tls_context(settings)
    with ExitStack() as stack:
        stack.enter_context(ended_by_sigterm())
        listening = stack.enter_context(_listen(settings))
        settings, children, notes, waits = _start_children(settings, stack)
        # It takes a second, in which they start.
        from bot.commands.processes import alone, together

        for wait in waits:
            wait()
        notes += _warnings(settings)
        on_ready = partial(_say_ready, listening, notes, "https" if context else "http")
        with Watch(children):
            if settings.workers == 1:
                sole = any(child.name == redis.NAME for child in children)
                uvloop.run(alone(settings, listening, context, on_ready, sole=sole))
            else:
                uvloop.run(together(settings, given, listening, on_ready))
    return 0


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
) -> tuple[Settings, list[Child], list[str], list[Callable[[], None]]]:
    """Start what the settings leave to us; gives the settings completed with it, the children, what
    to say of them, and what waits until they are ready."""
    project = own_project(settings)
    settings = settings.completed(project.endpoints)
    children: list[Child] = []
    notes: list[str] = []
    waits: list[Callable[[], None]] = []
    if settings.redis_url is None or settings.database_url is None:
        stack.enter_context(held(settings.home))
    if settings.redis_url is None:
        child, url = redis.begin(settings.home)
        stack.callback(child.stop)
        waits.append(partial(redis.wait, child, url))
        settings = settings.model_copy(update={"redis_url": url})
        children.append(child)
        notes.append(f"Redis     {redis.find_server().name}, its file in {settings.home}/redis")
    if actions.wanted(settings, project):
        child, url = actions.start(settings.project, actions.interpreter(settings.actions_python))
        stack.callback(child.stop)
        settings = settings.model_copy(update={"actions_url": url})
        children.append(child)
        notes.append(f"actions   rasa-sdk in {settings.actions_python or sys.executable}")
        waits.append(partial(actions.wait, child, url))
    return settings, children, notes, waits


def _warnings(settings: Settings) -> list[str]:
    """What somebody who starts a server for others should know."""
    api = ["API       is off; --enable-api turns it on"] if not settings.serves_api else []
    return [*_of_workers(settings), *api]


def _of_workers(settings: Settings) -> list[str]:
    if settings.workers == 1:
        return []
    said = f"workers   {settings.workers} processes; kill -HUP {os.getpid()} replaces them in turn"
    if settings.sql_url.startswith("sqlite"):
        return [
            said,
            "WARNING   workers write to SQLite one after the other; PostgreSQL is for many",
        ]
    return [said]


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
