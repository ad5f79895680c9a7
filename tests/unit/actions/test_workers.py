from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.actions.workers import MOST_STUCK, Workers
from bot.errors import ActionFailed


@contextmanager
def opened(threads: int = 1) -> Iterator[Workers]:
    workers = Workers(threads)
    try:
        yield workers
    finally:
        workers.close()


async def where() -> int:
    return threading.get_ident()


async def test_work_runs_on_a_thread_of_its_own_and_always_the_same():
    with opened() as workers:
        threads = {await workers.run(where, timeout_s=5) for _ in range(5)}
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_what_awaits_lets_others_go_on():
    async def barrier_of_that_loop() -> asyncio.Barrier:
        return asyncio.Barrier(3)

    with opened() as workers:
        barrier = await workers.run(barrier_of_that_loop, timeout_s=5)
        found = await asyncio.gather(*(workers.run(barrier.wait, timeout_s=5) for _ in range(3)))
    assert sorted(found) == [0, 1, 2]


async def test_more_threads_run_what_blocks_at_once():
    barrier = threading.Barrier(3)

    async def block() -> int:
        return barrier.wait(10)

    with opened(threads=3) as workers:
        found = await asyncio.gather(*(workers.run(block, timeout_s=10) for _ in range(3)))
    assert sorted(found) == [0, 1, 2]


async def test_work_that_waits_too_long_is_cancelled_and_its_thread_goes_on():
    ended = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with opened() as workers:
        before = await workers.run(where, timeout_s=5)
        with pytest.raises(TimeoutError):
            await workers.run(wait, timeout_s=0.05)
        assert await asyncio.to_thread(ended.wait, 5)
        assert await workers.run(where, timeout_s=5) == before


async def test_a_thread_that_is_stuck_is_left_behind():
    stuck, free = threading.Event(), threading.Event()

    async def block() -> None:
        stuck.set()
        free.wait(30)

    with opened() as workers:
        before = await workers.run(where, timeout_s=5)
        with pytest.raises(TimeoutError):
            await workers.run(block, timeout_s=0.05)
        assert stuck.is_set()
        assert await workers.run(where, timeout_s=5) != before
        free.set()


async def test_no_more_threads_are_left_behind_than_may_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.actions.workers._SIGN_OF_LIFE_S", 0.02)
    free = threading.Event()

    async def block() -> None:
        free.wait(30)

    with opened() as workers:
        for _ in range(MOST_STUCK + 3):
            with pytest.raises(TimeoutError):
                await workers.run(block, timeout_s=0.02)
        assert sum(thread.name == "actions" for thread in threading.enumerate()) <= MOST_STUCK + 1
        free.set()


@pytest.mark.parametrize("ending", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_work_that_ends_itself_ends_nothing_else(ending: BaseException):
    async def end() -> None:
        raise ending

    with opened() as workers:
        with pytest.raises(ActionFailed, match=type(ending).__name__):
            await workers.run(end, timeout_s=5)
        assert await workers.run(where, timeout_s=5)


async def test_what_work_raises_is_raised():
    async def fail() -> None:
        raise ValueError("seven")

    with opened() as workers, pytest.raises(ValueError, match="seven"):
        await workers.run(fail, timeout_s=5)


async def test_the_threads_end_with_the_workers():
    with opened(threads=2) as workers:
        found = {await workers.run(where, timeout_s=5)}
    deadline = time.monotonic() + 5
    while found & {thread.ident for thread in threading.enumerate()}:
        assert time.monotonic() < deadline
        await asyncio.sleep(0)
