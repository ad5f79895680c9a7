"""A running Parley: what the API and the channels are handed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import httpx2
from fastapi import Depends
from fastapi.requests import Request

from bot.audit import Audit, NoAudit
from bot.channels.base import Channel
from bot.crew import Crew
from bot.inbox import Inbox
from bot.jobs import Jobs
from bot.limits import Limits
from bot.model.pulling import Pulling
from bot.model.serving import Loaded, Opening, Serving
from bot.people.access import Access
from bot.privacy.incoming import Clean, unchanged
from bot.services import Services
from bot.settings import Settings
from bot.store.database import Database
from bot.telemetry import Metrics

Check = Callable[[], Awaitable[None]]
OpenModel = Callable[[str], Opening]


@dataclass(frozen=True, slots=True)
class Running:
    """Opened by ``bot.opening`` when the server starts, closed when it ends.

    ``channels`` are ``bot.channels.base.Channel`` by name. ``checks`` are the parts that ``/ready``
    asks; each raises when its part cannot be used. ``open_model`` opens a package by its path or
    a version of the registry by its name, to be loaded by ``serving``; ``pulling`` loads what a
    model server has. ``jobs`` trains and tests; ``client`` calls what a request names, ``limits``
    counts what clients ask. ``audit`` is where deeds of people and programs are recorded,
    ``access`` knows who may sign in and who has; ``database`` holds the log, for what is beside it.
    ``crew`` are the other workers of this server, where it has some. ``clean`` is what a message
    goes through before it is stored.
    """

    settings: Settings
    serving: Serving
    inbox: Inbox
    metrics: Metrics
    channels: Mapping[str, Channel]
    checks: Mapping[str, Check]
    open_model: OpenModel
    pulling: Pulling
    jobs: Jobs
    client: httpx2.AsyncClient
    limits: Limits = field(default_factory=Limits)
    audit: Audit = field(default_factory=NoAudit)
    clean: Clean = unchanged
    access: Access = field(default_factory=Access)
    database: Database | None = None
    crew: Crew | None = None

    @property
    def parley(self) -> Services:
        """The services of the model that serves, or served last."""
        return self.serving.parley


def running(request: Request) -> Running:
    """The Parley that ``request`` came to."""
    found: Running = request.app.state.running
    return found


async def _in_use(request: Request) -> AsyncIterator[Loaded]:
    with running(request).serving.use() as loaded:
        yield loaded


InUse = Annotated[Loaded, Depends(_in_use)]
"""A route's parameter: the model that serves, open until the request is answered. Or 409."""
