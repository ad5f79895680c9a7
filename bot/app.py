"""The server: a FastAPI application around one Parley."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from urllib.parse import parse_qsl, urlencode

import structlog
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from bot.api import (
    conversations,
    docs,
    handoff,
    health,
    model,
    openid,
    page,
    people,
    privacy,
    ranking,
    review,
    scoring,
    steps,
    training,
)
from bot.api.audited import Audited
from bot.api.auth import TOKEN, Guard
from bot.api.problems import PROBLEM, BodyLimit, add_problems
from bot.api.proxies import Proxies
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

    app = _App(
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
    app.state.guard = Guard(settings)
    add_problems(app, metrics)
    app.router.routes.append(webhook.WithoutParameters())
    for router in (webhook, health, docs):
        app.include_router(router.router, responses=PROBLEM)
    if settings.serves_api:
        app.include_router(model.public, responses=PROBLEM)
        for router in (
            conversations,
            steps,
            model,
            ranking,
            training,
            scoring,
            handoff,
            people,
            openid,
            privacy,
            review,
        ):
            app.include_router(router.router, responses=PROBLEM)
    app.include_router(socket.router)
    page.add_page(app)
    app.add_middleware(Audited)
    app.add_middleware(BodyLimit, most_bytes=partial(_most_bytes, settings))
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors,
            allow_methods=["*"],
            allow_headers=["*"],
            allow_credentials="*" not in settings.cors,
            expose_headers=["filename"],
        )
    app.add_middleware(SecurityHeaders, hsts_s=settings.hsts_days * 86_400)
    app.add_middleware(Proxies, trusted=settings.trusted_proxies)
    return app


class _App(FastAPI):
    """Takes the API's token out of the query, so that no log and no trace can hold it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/webhooks/"):
            asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            tokens = [value for name, value in asked if name == "token"]
            if tokens:
                rest = urlencode([pair for pair in asked if pair[0] != "token"])
                scope = {**scope, "query_string": rest.encode(), TOKEN: tokens[-1]}
        await super().__call__(scope, receive, send)


def _most_bytes(settings: Settings, path: str) -> int:
    """The largest body that ``path`` takes: models and training data are larger than messages."""
    large = path.startswith(("/model/train", "/model/test/"))
    return settings.max_training_bytes if large else settings.max_body_bytes
