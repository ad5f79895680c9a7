"""The server follows its registry: what is promoted serves, what is rolled out is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bot.model.serving import Opening, Serving
from nlu.registry import Registry
from nlu.rollout import Rollout

LOOK_S = 1.0

log = structlog.get_logger(__name__)


class Following:
    """Looks into the registry, and lets serve and try what it says from then on.

    What was loaded by other means stays until the registry's current version changes.

    Args:
        open_model: The model of a name; empty for the current one.
    """

    def __init__(
        self, serving: Serving, registry: Registry, open_model: Callable[[str], Opening]
    ) -> None:
        self._serving, self._registry, self._open_model = serving, registry, open_model
        self._current = registry.current()
        self._rollout: Rollout | None = None

    @property
    def rollout(self) -> Rollout | None:
        """What is tried now."""
        return self._rollout

    async def follow(self) -> None:
        """Look again and again, without end."""
        while True:
            try:
                await self.look()
            except Exception as error:  # a damaged registry, or a model that cannot be opened
                log.warning("models.not_followed", error=str(error))
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Do what changed since the last look, once: what fails is not tried again.

        Raises what opening a model raises; then what served goes on.
        """
        current, rollout = await asyncio.to_thread(self._read)
        if current != self._current:
            self._current = current
            if current:
                await self._serving.load(self._open_model(""))
                log.info("model.promoted", version=current)
        if rollout != self._rollout:
            self._rollout = None
            await self._try(rollout)

    def _read(self) -> tuple[str | None, Rollout | None]:
        return self._registry.current(), self._registry.rollout()

    async def _try(self, rollout: Rollout | None) -> None:
        if rollout is None:
            await self._serving.end_trial()
            log.info("rollout.ended")
            return
        opening = self._open_model(rollout.version)
        await self._serving.try_out(opening, answers=rollout.answers)
        self._rollout = rollout
        log.info("rollout.begun", version=rollout.version, share=rollout.share)
