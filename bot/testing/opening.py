"""A project's model opened to be tested: as a server opens it, keeping everything in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from random import Random

from bot.actions.opening import open_actions
from bot.actions.remote import RemoteActions
from bot.model.loading import Live, Shared, open_model
from bot.model.serving import Loaded
from bot.project.project import Project
from bot.settings import Settings
from bot.store.memory import MemoryLeases, MemoryLog, MemoryNews, MemoryTrackers


@asynccontextmanager
async def open_tested(
    settings: Settings, project: Project, *, with_actions: bool = False
) -> AsyncIterator[Loaded]:
    """The model that ``settings`` name, else the current one; nothing is left to chance.

    Args:
        with_actions: Whether the project's actions will be called; else they need not be there.
    """
    async with AsyncExitStack() as stack:
        opened = open_actions(settings, project) if with_actions else RemoteActions(None)
        shared = Shared(
            project.endpoints,
            await stack.enter_async_context(opened),
            MemoryLog(),
            Live(lambda _: MemoryTrackers(), MemoryLeases(), MemoryNews()),
            settings,
        )
        loaded = await stack.enter_async_context(open_model(settings.model or "", shared))
        yield replace(loaded, parley=replace(loaded.parley, random=Random(0)))
