"""Where a project's own actions run: here, on a server, or nowhere yet."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec

from bot.actions.base import ActionServer
from bot.actions.local import open_local
from bot.actions.place import actions_module
from bot.actions.remote import RemoteActions
from bot.project.project import ACTION_TIMEOUT_S, Endpoint, Project
from bot.settings import Settings

RASAS_COMPRESS = "COMPRESS_ACTION_SERVER_REQUEST"


@asynccontextmanager
async def open_actions(settings: Settings, project: Project) -> AsyncIterator[ActionServer]:
    """What runs the actions of ``project``, closed after the block. Raises SettingsError.

    A server named in the settings comes first, then a package to run here, then endpoints.yml.
    """
    if module := actions_module(settings, project):
        folder = await asyncio.to_thread(Path(project.path).resolve)
        opened = open_local(
            module, folder, threads=settings.actions_threads, timeout_s=ACTION_TIMEOUT_S
        )
        async with opened as local:
            yield local
        return
    compress = settings.actions_compress or os.environ.get(RASAS_COMPRESS, "").lower() == "true"
    make = partial(
        RemoteActions,
        _endpoint(settings, project),
        compress=compress,
        at_once=settings.actions_at_once,
    )
    async with await asyncio.to_thread(make) as remote:
        yield remote


def _endpoint(settings: Settings, project: Project) -> Endpoint | None:
    if settings.actions_url:
        return Endpoint(settings.actions_url, timeout_s=ACTION_TIMEOUT_S)
    endpoint = project.endpoints.action_endpoint
    if endpoint is None or endpoint.cafile is None:
        return endpoint
    return msgspec.structs.replace(endpoint, cafile=str(Path(project.path) / endpoint.cafile))
