"""A project's own actions, run in this process by rasa-sdk's executor: no server, no HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from bot.actions.base import ActionAnswer
from bot.actions.loading import NotLoaded, load_actions
from bot.actions.protocol import ask, encode, read_answer
from bot.actions.workers import Workers
from bot.dialogue.domain import Domain
from bot.dialogue.tracker import Tracker
from bot.errors import ActionFailed, ActionRejected, SettingsError

LOAD_S = 300.0  # importing a project's actions may import anything


class LocalActions:
    """The actions of a project behind rasa-sdk's ``ActionExecutor``, on threads of their own.

    They see what a server would have given them: JSON of their own, nothing shared with ours.
    """

    def __init__(self, executor: Any, workers: Workers, *, timeout_s: float) -> None:
        self._executor, self._workers, self._timeout_s = executor, workers, timeout_s
        self._copied: tuple[Domain, Any] | None = None

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        """Run ``action`` here; what it raises is told as an action server would tell it."""
        call = msgspec.json.decode(ask(action, tracker))
        call["domain"] = self._copy(domain)

        async def work() -> bytes:
            try:
                result = await self._executor.run(call)
                return encode({"events": result.events, "responses": result.responses})
            except Exception as error:  # among them a TimeoutError that is not ours
                raise _told(action, error) from error

        try:
            body = await self._workers.run(work, timeout_s=self._timeout_s)
        except TimeoutError as late:
            raise ActionFailed(
                f"Action {action!r} did not end within {self._timeout_s:g} s."
            ) from late
        return await asyncio.to_thread(read_answer, action, body)

    def _copy(self, domain: Domain) -> Any:
        """The domain as JSON of their own, made once for each domain."""
        if self._copied is None or self._copied[0] is not domain:
            self._copied = domain, msgspec.json.decode(encode(domain.raw))
        return self._copied[1]


@asynccontextmanager
async def open_local(
    module: str, folder: Path, *, threads: int, timeout_s: float
) -> AsyncIterator[LocalActions]:
    """The actions of ``module`` in ``folder`` (absolute), imported on the thread that runs them.

    Raises SettingsError where rasa-sdk is missing or the package cannot be imported.
    """
    workers = Workers(threads)

    async def load() -> Any:
        return load_actions(module, folder)

    try:
        try:
            executor = await workers.run(load, timeout_s=LOAD_S)
        except ModuleNotFoundError as error:
            raise SettingsError(
                "actions in this process need rasa-sdk in the same environment: install "
                f"parley[actions], or run them beside it ({error})"
            ) from error
        except (NotLoaded, ActionFailed, TimeoutError) as error:
            raise SettingsError(f"the package {module!r} has no actions to run: {error}") from error
        yield LocalActions(executor, workers, timeout_s=timeout_s)
    finally:
        workers.close()


def _told(action: str, error: Exception) -> ActionRejected | ActionFailed:
    """What an action raised, as the status of an action server would be read."""
    from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException

    if isinstance(error, ActionExecutionRejection):
        return ActionRejected(f"Action {action!r} declined to run: {error}")
    if isinstance(error, ActionNotFoundException):
        return ActionFailed(
            f"Action {action!r} is unknown to the project's actions. "
            "Register it there, or take it out of the domain."
        )
    return ActionFailed(f"Action {action!r} failed: {type(error).__name__}: {str(error)[:200]}")
