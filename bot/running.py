"""A running Parley: what the API and the channels are handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi.requests import Request

from bot.channels.base import Channel
from bot.inbox import Inbox
from bot.project.project import Project
from bot.services import Services
from bot.settings import Settings
from bot.telemetry import Metrics

Check = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Running:
    """Opened by ``bot.opening`` when the server starts, closed when it ends.

    ``model`` is the version of the bundle that serves, empty without one. ``channels`` are
    ``bot.channels.base.Channel`` by name. ``checks`` are the parts that ``/ready`` asks; each
    raises when its part cannot be used.
    """

    settings: Settings
    project: Project
    parley: Services
    inbox: Inbox
    metrics: Metrics
    model: str
    channels: Mapping[str, Channel]
    checks: Mapping[str, Check]


def running(request: Request) -> Running:
    """The Parley that ``request`` came to."""
    found: Running = request.app.state.running
    return found
