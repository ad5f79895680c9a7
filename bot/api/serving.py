"""Another model in the place of what serves, in this process."""

from __future__ import annotations

from bot.api.schemas import ModelBody
from bot.errors import BadRequest
from bot.running import Running


async def serve_model(running: Running, body: ModelBody) -> None:
    """Load what ``body`` names and let it serve. Raises ParleyError; then all is as it was."""
    if body.remote_storage:
        raise BadRequest(
            "remote_storage is not offered: put the package where this server can read it, or "
            "behind a model_server."
        )
    if body.model_server:
        await running.pulling.load(body.model_server.source(running.client))
    elif body.model_file:
        await running.serving.load(running.open_model(body.model_file))
        await running.pulling.stop()
    else:
        raise BadRequest('No model is named; send {"model_file": "…"}.')


async def serve_nothing(running: Running) -> None:
    """Let no model serve."""
    await running.pulling.stop()
    await running.serving.unload()
