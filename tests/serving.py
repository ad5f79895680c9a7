"""A server in memory for tests: real stores, channels and routes; an inbox that echoes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any

import httpx2
from fastapi import FastAPI

from bot.actions.remote import RemoteActions
from bot.app import create_app
from bot.dialogue.domain import Domain, Slot
from bot.dialogue.events import ActionExecuted, BotUttered, Event, UserUttered
from bot.dialogue.messages import Message, Reply
from bot.errors import BadRequest, Timeout
from bot.jobs import Jobs
from bot.model.pulling import Pulling
from bot.model.serving import Loaded, Opening, Serving
from bot.opening import open_channels
from bot.project.project import Config, NluData, Project
from bot.running import Running
from bot.services import Bot, Services
from bot.settings import Settings
from bot.store.base import Accepted
from bot.store.memory import MemoryLeases, MemoryLog, MemoryNews, MemoryTrackers
from bot.telemetry import Metrics
from nlu.parse import Context, Intent, Parse

DOMAIN = Domain(
    slots={"name": Slot("name", type="text")}, raw={"version": "3.1", "intents": ["greet"]}
)
PROJECT = Project(
    path=".", domain=DOMAIN, nlu=NluData(), stories=(), config=Config(), credentials={}
)


class EchoNlu:
    """Finds the intent `greet` in every text."""

    model_id = "m-1"
    queue_length = 0

    async def parse(self, text: str, context: Context | None = None) -> Parse:
        return Parse(text, Intent("greet", 0.9))


class EchoInbox:
    """Answers at once with what was said, twice; `slow` takes longer than anybody waits."""

    def __init__(self, parley: Services) -> None:
        self.parley = parley
        self.accepted: list[Message] = []
        self.sent: list[str] = []

    def send(self, conversation_id: str) -> None:
        self.sent.append(conversation_id)

    async def accept(self, message: Message) -> Accepted:
        self.accepted.append(message)
        return await self.parley.log.accept(message)

    async def answer(self, message: Message, timeout_s: float) -> tuple[Reply, ...]:
        accepted = await self.accept(message)
        if message.text == "slow":
            raise Timeout("The answer is not ready yet; send the same message id again.")
        if message.text == "broken":
            raise RuntimeError("secret detail")
        if not accepted.done:
            await self._work(message, accepted.inbox_id)
        return (await self.parley.log.accepted(accepted.inbox_id)).replies

    async def _work(self, message: Message, inbox_id: int) -> None:
        conversation_id, now = message.conversation_id, self.parley.clock()
        history = await self.parley.log.history(conversation_id)
        events: list[Event] = [
            UserUttered(text=message.text, message_id=message.message_id, timestamp=now),
            BotUttered(text=message.text, timestamp=now),
            ActionExecuted(name="action_listen", timestamp=now),
        ]
        await self.parley.log.commit(
            conversation_id,
            events,
            seq=history.seq,
            epoch=history.epoch,
            inbox_id=inbox_id,
            replies=[Reply(conversation_id, f"{message.text}\n\n{message.text}")],
            sent=True,
        )
        await self.parley.news.publish(conversation_id, "done")


async def fine() -> None:
    """A check that finds nothing wrong."""


@asynccontextmanager
async def echo_model(name: str, parley: Services) -> AsyncIterator[Loaded]:
    """A model of this name; there is one for every name but `nope`."""
    if name == "nope":
        raise BadRequest("There is no model 'nope'.")
    yield Loaded(PROJECT, parley, EchoNlu(), name)


def echo_app(
    settings: Settings | None = None,
    *,
    watch: Callable[[EchoInbox], None] = lambda inbox: None,
    **changes: Any,
) -> FastAPI:
    """The application around echoes; ``changes`` replace fields of its Running.

    ``watch`` is shown the inbox.
    """
    settings = settings or Settings(cors=("https://shop.example",))

    @asynccontextmanager
    async def opening(settings: Settings, metrics: Metrics) -> AsyncIterator[Running]:
        async with httpx2.AsyncClient() as client:
            clock = iter(range(1_700_000_000, 1_800_000_000))
            parley = Services(
                bot=Bot(DOMAIN, (), model_id="m-1"),
                nlu=EchoNlu(),
                actions=RemoteActions(None),
                log=MemoryLog(),
                trackers=MemoryTrackers(),
                leases=MemoryLeases(),
                news=MemoryNews(),
                clock=lambda: float(next(clock)),
                random=Random(0),
            )

            inbox = EchoInbox(parley)
            watch(inbox)

            def echo(name: str) -> Opening:
                return echo_model(name, parley)

            async with (
                Serving() as serving,
                Pulling(serving, echo) as pulling,
                Jobs() as jobs,
            ):
                await serving.load(echo_model("m-1", parley))
                running = Running(
                    settings,
                    serving,
                    inbox,  # type: ignore[arg-type]
                    metrics,
                    open_channels({"callback": {"url": "http://127.0.0.1:9"}}, settings, client),
                    {"model": fine, "sql": parley.log.ping},
                    echo,
                    pulling,
                    jobs,
                    client,
                )
                yield replace(running, **changes)

    return create_app(settings, opening=opening)


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of ``app``, which lives as long as the block."""
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


async def never() -> None:
    """A check that does not come to an end."""
    await asyncio.Event().wait()
