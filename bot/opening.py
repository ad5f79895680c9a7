"""A Parley, opened from its settings: project, NLU, stores, action server, inbox, channels."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from random import Random
from typing import Any

import httpx2
import structlog

from bot.actions.remote import RemoteActions
from bot.channels.base import Channel, OpenChannel, Place
from bot.errors import SettingsError, Unavailable
from bot.inbox import Inbox
from bot.model import open_understanding
from bot.plugins import find
from bot.predict import make_policies
from bot.project.cache import cache_folder
from bot.project.load import load_project
from bot.project.project import Endpoint, Project
from bot.reply import Sender
from bot.running import Check, Running
from bot.services import Bot, Services
from bot.settings import Settings
from bot.store import schema
from bot.store.base import Leases, News, TrackerStore
from bot.store.link import reach
from bot.store.memory import MemoryLeases, MemoryNews, MemoryTrackers
from bot.store.redis import open_redis
from bot.store.sql import SqlLog, open_log
from bot.telemetry import Metrics
from nlu.parse import Understanding

ALWAYS_OPEN = ("rest", "web")
ELSEWHERE = ("rasa", "cmdline")  # named in many a credentials.yml; nothing to open here

log = structlog.get_logger()


@asynccontextmanager
async def open_parley(
    settings: Settings, metrics: Metrics, *, alone: bool = False
) -> AsyncIterator[Running]:
    """Everything the settings name, closed after the block. Raises ParleyError.

    ``alone`` keeps live state in this process, whatever Redis is named.
    """
    project = await asyncio.to_thread(load_project, settings.project, cache=cache_folder())
    for warning in project.warnings:
        log.warning("project.warning", hint=warning)
    settings = settings.completed(project.endpoints)
    redis_url = None if alone else settings.redis_url
    async with AsyncExitStack() as stack:
        models = settings.models_folder
        nlu = await stack.enter_async_context(
            open_understanding(project, models, mode=settings.nlu)
        )
        metrics.watch_nlu_queue(lambda: nlu.queue_length)
        client = await stack.enter_async_context(httpx2.AsyncClient())
        sql = await _open_log(settings, stack)
        checks: dict[str, Check] = {"model": partial(_understands, nlu), "sql": sql.ping}
        trackers, leases, news = await _open_live(redis_url, project, stack, checks)
        parley = Services(
            bot=Bot(
                domain=project.domain,
                policies=await asyncio.to_thread(make_policies, project),
                assistant_id=project.config.assistant_id or "",
                model_id=nlu.model_id or project.hash,
            ),
            nlu=nlu,
            actions=await stack.enter_async_context(
                RemoteActions(_action_endpoint(settings, project))
            ),
            log=sql,
            trackers=trackers,
            leases=leases,
            news=news,
            clock=time.time,
            random=Random(),
        )
        channels = open_channels(project.credentials, settings, client)
        senders = {name: one for name, one in channels.items() if isinstance(one, Sender)}
        inbox = await stack.enter_async_context(Inbox(parley, senders=senders, count=metrics.turn))
        yield Running(settings, project, parley, inbox, metrics, nlu.model_id, channels, checks)


def open_channels(
    credentials: Mapping[str, Any], settings: Settings, client: httpx2.AsyncClient
) -> dict[str, Channel]:
    """The channels that credentials.yml names, and those that need no credentials.

    One that is not offered here is left out with a warning, as a project for Rasa may name any.
    """
    place = Place(client, settings.max_message_chars, settings.cors)
    channels: dict[str, Channel] = {}
    for name in dict.fromkeys((*ALWAYS_OPEN, *credentials)):
        if name in ELSEWHERE:
            continue
        try:
            open_channel: OpenChannel = find("channels", name)
        except SettingsError as error:
            log.warning("channel.left_out", channel=name, hint=str(error))
            continue
        channel: Channel = open_channel(credentials.get(name) or {}, place)
        channels[channel.name] = channel
    return channels


async def _open_log(settings: Settings, stack: AsyncExitStack) -> SqlLog:
    url = settings.sql_url
    if url.startswith("sqlite"):
        await asyncio.to_thread(schema.upgrade, url)
    else:
        await schema.check(url)
    return await stack.enter_async_context(open_log(url))


async def _open_live(
    redis_url: str | None, project: Project, stack: AsyncExitStack, checks: dict[str, Check]
) -> tuple[TrackerStore, Leases, News]:
    """Redis where one is named, else this process alone.

    Turns go on without a Redis that is lost later; one that is not there at the start is most
    likely named wrongly, and raises Unavailable.
    """
    if redis_url is None:
        return MemoryTrackers(), MemoryLeases(), MemoryNews()
    await reach(redis_url)
    stores = await stack.enter_async_context(open_redis(redis_url, model_id=project.hash))

    async def check() -> None:
        if not await stores.link.ping():
            raise Unavailable("Redis does not answer; turns go on from SQL, slower.")

    checks["redis"] = check
    return stores.trackers, stores.leases, stores.news


def _action_endpoint(settings: Settings, project: Project) -> Endpoint | None:
    if settings.actions_url:
        return Endpoint(settings.actions_url)
    return project.endpoints.action_endpoint


async def _understands(nlu: Understanding) -> None:
    await nlu.parse("hello")
