"""Threads with an event loop each, for code that may block and must not block ours."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from bot.errors import ActionFailed

MOST_STUCK = 8
_SIGN_OF_LIFE_S = 1.0


class Workers:
    """Runs coroutines on threads of their own; each thread is as an action server's only one.

    Args:
        threads: How many. With one, calls see each other as in a server of one process: what
            awaits lets others go on, what blocks makes them wait.

    A call that blocks its thread beyond its time is left behind with it, and another thread takes
    the place; ``MOST_STUCK`` such threads are left behind at most.
    """

    def __init__(self, threads: int) -> None:
        self._workers = [_Worker() for _ in range(threads)]
        self._stuck: list[_Worker] = []

    async def run(self, work: Callable[[], Awaitable[Any]], *, timeout_s: float) -> Any:
        """What ``work()`` gives, on the thread with the least to do. Raises TimeoutError."""
        worker = min(self._workers, key=lambda each: each.in_hand)
        worker.in_hand += 1
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.wrap_future(worker.start(work))
        except TimeoutError:
            if worker in self._workers and not await worker.shows_life():
                self._replace(worker)
            raise
        finally:
            worker.in_hand -= 1

    def close(self) -> None:
        """End the threads; one that is stuck ends with the process."""
        for worker in (*self._workers, *self._stuck):
            worker.stop()

    def _replace(self, worker: _Worker) -> None:
        self._stuck = [each for each in self._stuck if each.alive]
        if worker not in self._workers or len(self._stuck) >= MOST_STUCK:
            return
        self._workers[self._workers.index(worker)] = _Worker()
        self._stuck.append(worker)
        worker.stop()  # once it comes back


class _Worker:
    """One thread and its event loop."""

    def __init__(self) -> None:
        self.in_hand = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="actions", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self, work: Callable[[], Awaitable[Any]]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(_guarded(work), self._loop)

    async def shows_life(self) -> bool:
        """Whether its loop turns."""
        try:
            async with asyncio.timeout(_SIGN_OF_LIFE_S):
                await asyncio.wrap_future(self.start(_nothing))
        except TimeoutError:
            return False
        return True

    def stop(self) -> None:
        with suppress(RuntimeError):  # it has ended by itself: its loop is closed
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._cancelled())
        finally:
            self._loop.close()

    async def _cancelled(self) -> None:
        """Once everything that still waits here has been told to end."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def _guarded(work: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await work()
    except (SystemExit, KeyboardInterrupt, asyncio.CancelledError) as error:
        # The first two would end the loop, the third would be taken for our own being cancelled.
        raise ActionFailed(f"What ran on a thread ended itself: {type(error).__name__}.") from error


async def _nothing() -> None:
    pass
