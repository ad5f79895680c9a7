"""What serves: this process, or several that it starts and watches over."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bot.app import create_app
from bot.children.workers import Workers, supervise
from bot.commands.memory import settle_memory
from bot.commands.serving import serve
from bot.line import Begin
from bot.opening import open_parley
from bot.settings import Settings


async def alone(
    settings: Settings,
    listening: socket.socket,
    context: ssl.SSLContext | None,
    on_ready: Callable[[], None],
    *,
    sole: bool,
) -> None:
    """One process; ``sole`` says whether it has a Redis of its own."""
    app = create_app(settings, opening=partial(open_parley, sole=sole))
    async with app.router.lifespan_context(app):
        await serve(app, listening, context, on_ready, **settings.patience)


async def together(
    settings: Settings,
    given: dict[str, Any],
    listening: socket.socket,
    on_ready: Callable[[], None],
) -> None:
    """Several processes; each reads the settings anew, with what was started here."""
    told = {name: _as_written(value) for name, value in given.items()}
    started = {
        name: value
        for name in ("redis_url", "actions_url")
        if (value := getattr(settings, name)) is not None
    }
    workers = Workers(
        settings.workers,
        listening,
        beginning=lambda number, orders: Begin(number, told, started, tuple(orders)),
        on_ready=on_ready,
    )
    settle_memory()
    await supervise(workers)


def _as_written(value: Any) -> Any:
    """A setting as the environment would have it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value) if isinstance(value, Path) else value
