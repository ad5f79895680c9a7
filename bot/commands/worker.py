"""One of the processes of `parley run --workers`, started by ``bot.children.workers``."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import structlog
import uvloop
from rich.console import Console

from bot.api.schemas import ModelBody
from bot.api.serving import serve_model, serve_nothing
from bot.app import create_app
from bot.commands.serving import serve
from bot.commands.stopping import ended_by_sigterm
from bot.commands.tls import tls_context
from bot.crew import Crew, Handler, OrderFailed, carried_out
from bot.errors import ParleyError
from bot.line import Begin, Line, Ready
from bot.opening import open_parley
from bot.running import Running
from bot.settings import load_settings
from bot.telemetry import start_logging


def main() -> None:
    """``python -c … LINE LISTENING``: the numbers of two open sockets."""
    line, listening = (socket.socket(fileno=int(each)) for each in sys.argv[1:3])
    try:
        with ended_by_sigterm():
            uvloop.run(_work(line, listening))
    except ParleyError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"parley: {error}", markup=False, style="red"
        )
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(1)


async def _work(end: socket.socket, listening: socket.socket) -> None:
    # A copy: for the parent this process is gone when it has said its last words.
    line = await Line.over(end.dup())
    begin = await anext(line.said())
    assert isinstance(begin, Begin)
    settings = load_settings(**begin.given).model_copy(update=begin.started)
    start_logging(settings)
    structlog.contextvars.bind_contextvars(worker=begin.number)
    crew = Crew(begin.number, line)
    app = create_app(settings, opening=partial(open_parley, crew=crew))
    async with app.router.lifespan_context(app):
        handlers = _handlers(app.state.running)
        for order in begin.orders:
            done = await carried_out(order, handlers, begin.number)
            if done.error is not None:
                raise OrderFailed(done.error)
        async with _at_work(crew, handlers):
            ready = partial(line.say, Ready())
            await serve(app, listening, tls_context(settings), ready, **settings.patience)


@asynccontextmanager
async def _at_work(crew: Crew, handlers: dict[str, Handler]) -> AsyncIterator[None]:
    """``crew`` at work in the block. When the parent is gone this process ends too."""
    task = asyncio.create_task(crew.work(handlers))
    task.add_done_callback(_end)
    try:
        yield
    finally:
        task.remove_done_callback(_end)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _end(_task: asyncio.Task[None]) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _handlers(running: Running) -> dict[str, Handler]:
    """What is done for other workers, by the names of their orders."""

    async def load(body: bytes) -> bytes:
        await serve_model(running, ModelBody.model_validate_json(body))
        return b""

    async def unload(_body: bytes) -> bytes:
        await serve_nothing(running)
        return b""

    async def metrics(_body: bytes) -> bytes:
        return msgspec.msgpack.encode(running.metrics.read())

    async def ping(_body: bytes) -> bytes:
        return b""

    return {"load": load, "unload": unload, "metrics": metrics, "ping": ping}
