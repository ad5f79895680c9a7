"""The server: a FastAPI application around one Parley."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from bot.api import conversations, docs, health, model, page, steps
from bot.api.problems import PROBLEM, BodyLimit, add_problems
from bot.api.security import SecurityHeaders
from bot.channels import socket, webhook
from bot.channels.mounting import mounted
from bot.opening import open_parley
from bot.running import Running
from bot.settings import Settings, unknown_variables
from bot.telemetry import Metrics
from bot.version import VERSION

Opening = Callable[[Settings, Metrics], AbstractAsyncContextManager[Running]]

log = structlog.get_logger()


def create_app(settings: Settings, *, opening: Opening = open_parley) -> FastAPI:
    """The application; starting it opens the project, NLU and stores, ending it closes them.

    ``opening`` gives what the routes work with. What it raises stops the start.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        for sentence in unknown_variables():
            log.warning("settings.unknown", hint=sentence)
        async with opening(settings, metrics) as running, mounted(app, running):
            app.state.running = running
            log.info("server.ready", project=str(settings.project), version=VERSION)
            yield

    app = FastAPI(
        title="Parley",
        description="An open dialogue server. Its routes are those of Rasa 3 where Rasa has them.",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        telemetry={
            "tracing": settings.telemetry,
            "metrics": settings.telemetry,
            "logs": False,
            "operation_spans": False,
        },
    )
    add_problems(app, metrics)
    for router in (webhook, conversations, steps, model, health, docs):
        app.include_router(router.router, responses=PROBLEM)
    app.include_router(socket.router)
    page.add_page(app)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    if settings.cors:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.cors, allow_methods=["*"], allow_headers=["*"]
        )
    app.add_middleware(SecurityHeaders)
    return app
