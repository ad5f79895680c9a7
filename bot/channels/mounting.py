"""Channels with a path of their own, mounted while the server runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Mount

from bot.channels.base import Serves
from bot.running import Running


@asynccontextmanager
async def mounted(app: FastAPI, running: Running) -> AsyncIterator[None]:
    """``app`` with the paths of the channels of ``running``, inside the block.

    ``app.state.let_go()`` ends their connections before that, so that a server that is told to
    end need not wait for them.
    """
    before = list(app.router.routes)
    async with AsyncExitStack() as stack:
        for channel in running.channels.values():
            if isinstance(channel, Serves):
                served = await stack.enter_async_context(channel.serve(running))
                app.router.routes.append(Mount(channel.path, served))
        app.state.let_go = stack.aclose
        try:
            yield
        finally:
            app.router.routes[:] = before
