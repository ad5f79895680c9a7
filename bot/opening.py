"""A Parley, opened from its settings: project, NLU, stores, action server, inbox, channels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial

import httpx2
import structlog

from bot.actions.opening import open_actions
from bot.actions.wording import open_wording
from bot.api.auth import check_is_guarded
from bot.broker.opening import broker_of, publishing
from bot.channels.beginning import begin
from bot.channels.opening import open_channels
from bot.channels.visitors import visitor_keys
from bot.crew import Crew
from bot.errors import Unavailable
from bot.inbox import Inbox
from bot.jobs import Jobs
from bot.limits import limits_of
from bot.model.drifted import DriftFile, file_of
from bot.model.loading import Live, Shared, open_model
from bot.model.outcomes import Outcomes, Watched
from bot.model.pulling import Pulling, Source
from bot.model.rollout import Rollouts, rolling_out
from bot.model.serving import Opening, Serving
from bot.outgoing import open_guarded, trust
from bot.people.access import Access
from bot.people.openid import openid_of
from bot.people.sessions import Lifetimes
from bot.privacy.incoming import cleaning
from bot.privacy.retention import keep_to
from bot.rasa_stores import redis_prefix, store_hints
from bot.reply import Sender
from bot.running import Check, Running
from bot.settings import Settings
from bot.starting import own_project
from bot.store import schema
from bot.store.audits import SqlAudit
from bot.store.base import Leases, News
from bot.store.database import Database
from bot.store.limits import RedisLimits
from bot.store.link import Link, connect, reach
from bot.store.memory import MemoryLeases, MemoryNews, MemoryTrackers
from bot.store.people import SqlPeople
from bot.store.redis import RedisTrackers, open_redis
from bot.store.rekeying import check_keys
from bot.store.retention import Retention
from bot.store.reviews import SqlReviews
from bot.store.sealing import Seal, seal_from
from bot.store.sessions import RedisSessions, RedisTries
from bot.store.sql import SqlLog, open_log
from bot.store.tallies import SqlTally
from bot.telemetry import Metrics
from bot.turn import Done
from bot.upkeep import DAY_S, beside, clear_away
from nlu.registry import Registry

log = structlog.get_logger()


@asynccontextmanager
async def open_parley(
    settings: Settings,
    metrics: Metrics,
    *,
    alone: bool = False,
    sole: bool = False,
    crew: Crew | None = None,
) -> AsyncIterator[Running]:
    """Everything the settings name, closed after the block. Raises ParleyError.

    ``alone`` keeps live state in this process, whatever Redis is named. ``sole`` says that nobody
    else asks the Redis that is named. ``crew`` are the other workers of the server that this is one
    of.
    """
    project = await asyncio.to_thread(own_project, settings)
    settings = settings.completed(project.endpoints)
    for hint in store_hints(project.endpoints, settings):
        log.warning("store.otherwise", hint=hint)
    redis_url = None if alone else settings.redis_url
    async with AsyncExitStack() as stack:
        verify = await asyncio.to_thread(trust)
        client = await stack.enter_async_context(httpx2.AsyncClient(verify=verify))
        opens_broker = broker_of(project.endpoints.event_broker)
        sql = await _open_log(settings, stack, publishing=opens_broker is not None)
        clearing = clear_away(sql, keep_days=settings.keep_messages_days)
        await stack.enter_async_context(beside(clearing))
        serving = Serving()
        checks: dict[str, Check] = {"model": partial(_understands, serving), "sql": sql.ping}
        if crew:
            checks["workers"] = crew.check
        prefix = redis_prefix(project.endpoints)
        live, link = await _open_live(
            redis_url, stack, checks, prefix=prefix, seal=sql.database.seal, sole=sole
        )
        limits_s = {name: days * DAY_S for name, days in settings.retention.items()}
        keeping = keep_to(Retention(sql.database, limits_s), live.leases, SqlAudit(sql.database))
        await stack.enter_async_context(beside(keeping))
        access = stack.enter_context(closing(_access(settings, sql, link)))
        if not alone:
            await check_is_guarded(settings, access)
        if opens_broker and not alone:  # what is said alone waits for the next server
            options = project.endpoints.event_broker
            broker = publishing(
                opens_broker, options, settings.project, journal=sql, leases=live.leases
            )
            await stack.enter_async_context(broker)
        actions = await stack.enter_async_context(open_actions(settings, project))
        words = open_wording(project.endpoints.nlg, settings.project)
        shared = Shared(
            *(project.endpoints, actions, sql, live, settings),
            wording=await stack.enter_async_context(words),
            reviews=SqlReviews(sql.database) if settings.corrections else None,
        )
        await stack.enter_async_context(serving)
        loaded = await serving.load(open_model(settings.model or "", shared))
        metrics.watch_nlu_queue(partial(_queue_length, serving))
        keys = await asyncio.to_thread(visitor_keys, settings)
        channels = open_channels(project.credentials, settings, client, visitor_keys=keys)
        await stack.enter_async_context(beside(begin(channels)))
        senders = {name: one for name, one in channels.items() if isinstance(one, Sender)}
        clean = cleaning(settings)
        open_other = partial(open_model, shared=shared)
        rollouts = await _follow(settings, serving, open_other, sql.database, stack)
        outcomes = await _watched(settings, serving, rollouts, metrics, stack)

        def saw(conversation_id: str, done: Done, outcome: str) -> None:
            outcomes.saw(conversation_id, done, outcome)
            if rollouts:
                rollouts.saw(conversation_id, done, outcome)

        inbox = await stack.enter_async_context(
            Inbox(
                loaded.parley,
                serving=serving,
                senders=senders,
                count=metrics.turn,
                watch=saw,
                clean=clean,
            )
        )
        pulling = await stack.enter_async_context(Pulling(serving, open_other))
        if project.endpoints.models:
            models = Source(project.endpoints.models, client, project.endpoints.models_wait_s)
            pulling.follow(models)
        jobs = await stack.enter_async_context(Jobs())
        yield Running(
            *(settings, serving, inbox, metrics, channels, checks, open_other, pulling),
            jobs=jobs,
            client=await stack.enter_async_context(open_guarded(settings.may_be_called)),
            limits=limits_of(settings, RedisLimits(link) if link else None),
            audit=SqlAudit(sql.database),
            clean=clean,
            access=access,
            database=sql.database,
            crew=crew,
        )


async def _open_log(settings: Settings, stack: AsyncExitStack, *, publishing: bool) -> SqlLog:
    url = settings.sql_url
    if url.startswith("sqlite"):
        await asyncio.to_thread(schema.upgrade, url)
    else:
        await schema.check(url)
    keys = settings.encryption_keys
    seal = seal_from(keys.get_secret_value() if keys else "")
    sql = await stack.enter_async_context(
        open_log(url, publishing=publishing, seal=seal, connections=settings.database_connections)
    )
    await check_keys(sql.database)
    return sql


async def _open_live(
    redis_url: str | None,
    stack: AsyncExitStack,
    checks: dict[str, Check],
    *,
    prefix: str,
    seal: Seal,
    sole: bool,
) -> tuple[Live, Link | None]:
    """Redis where one is named, else this process alone; so are leases and news where nobody else
    could hear of them.

    Turns go on without a Redis that is lost later; one that is not there at the start is most
    likely named wrongly, and raises Unavailable.
    """
    if redis_url is None:
        return Live(lambda _: MemoryTrackers(), MemoryLeases(), MemoryNews()), None
    await reach(redis_url)
    leases: Leases = MemoryLeases()
    news: News = MemoryNews()
    if sole:
        link = connect(redis_url, prefix=prefix)
        stack.push_async_callback(link.close)
    else:
        stores = await stack.enter_async_context(open_redis(redis_url, prefix=prefix))
        link, leases, news = stores.link, stores.leases, stores.news

    async def check() -> None:
        if not await link.ping():
            raise Unavailable("Redis does not answer; turns go on from SQL, slower.")

    checks["redis"] = check
    return Live(lambda of: RedisTrackers(link, model_id=of, seal=seal), leases, news), link


async def _follow(
    settings: Settings,
    serving: Serving,
    open_other: Callable[[str], Opening],
    database: Database,
    stack: AsyncExitStack,
) -> Rollouts | None:
    """The registry's word on what serves and what is tried, where it is to be followed."""
    if not settings.follow_models or settings.model or settings.nlu == "none":
        return None
    registry, tally, audit = (
        Registry(settings.models_folder),
        SqlTally(database),
        SqlAudit(database),
    )
    return await stack.enter_async_context(rolling_out(serving, registry, open_other, tally, audit))


async def _watched(
    settings: Settings,
    serving: Serving,
    rollouts: Rollouts | None,
    metrics: Metrics,
    stack: AsyncExitStack,
) -> Outcomes:
    """What counts how turns end, beside what else the metrics tell of the bot."""

    def corrections() -> int:
        held = serving.loaded.corrections if serving.loaded else None
        return len(held) if held else 0

    drift = DriftFile(file_of(settings))
    await stack.enter_async_context(beside(drift.follow()))
    metrics.registry.register(Watched(corrections, rollouts, drift))
    return Outcomes(metrics.registry)


def _access(settings: Settings, sql: SqlLog, link: Link | None) -> Access:
    """Signing in; without Redis, sessions are this process's alone."""
    lifetimes = Lifetimes(settings.session_idle_minutes * 60, settings.session_hours * 3600)
    people = SqlPeople(sql.database)
    sessions, tries = (RedisSessions(link), RedisTries(link)) if link else (None, None)
    openid = openid_of(settings)
    return Access(people, sessions, tries, lifetimes=lifetimes, openid=openid)


async def _understands(serving: Serving) -> None:
    with serving.use() as loaded:
        await loaded.nlu.parse("hello")


def _queue_length(serving: Serving) -> int:
    return serving.loaded.nlu.queue_length if serving.loaded else 0
