"""What was begun before it is asked for, to be there sooner."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

FRESH_S = 1.0
MOST = 8

Answer = TypeVar("Answer")


class Ahead(Generic[Answer]):
    """Answers begun by their texts, each given once, and while it is fresh.

    Args:
        fresh_s: What was begun longer ago is not given: what it was made of may have changed.
        most: So many are begun at once; of those nobody asked for, the oldest end.
    """

    def __init__(
        self,
        *,
        fresh_s: float = FRESH_S,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fresh_s, self._most, self._clock = fresh_s, most, clock
        self._begun: dict[str, tuple[float, asyncio.Task[Answer]]] = {}

    def begin(self, text: str, work: Callable[[], Coroutine[Any, Any, Answer]]) -> None:
        """Do ``work``, whose answer is for ``text``."""
        if text in self._begun and self._is_fresh(self._begun[text][0]):
            return
        self._drop(text)
        while len(self._begun) >= self._most:
            self._drop(next(iter(self._begun)))
        task = asyncio.create_task(work())
        task.add_done_callback(_heed)
        self._begun[text] = (self._clock(), task)

    async def take(self, text: str) -> Answer | None:
        """The answer for ``text``; None where none was begun, or it failed: then ask anew."""
        begun_at, task = self._begun.pop(text, (0.0, None))
        if task is None:
            return None
        if not self._is_fresh(begun_at):
            task.cancel()
            return None
        with suppress(Exception):
            return await task
        return None

    def _is_fresh(self, begun_at: float) -> bool:
        return self._clock() - begun_at <= self._fresh_s

    def _drop(self, text: str) -> None:
        if text in self._begun:
            self._begun.pop(text)[1].cancel()


def _heed(task: asyncio.Task[Any]) -> None:
    """Its error is no news: who asks anew meets it."""
    if not task.cancelled():
        task.exception()
