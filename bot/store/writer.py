"""The one writer of a SQLite file: what waits while it writes shares its next transaction.

SQLite lets one writer in, and a commit costs more than most of what is committed. So the
transactions of several conversations become one, each behind a savepoint of its own: what one of
them raises undoes that one alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from bot.store.prepared import execute

MOST_TOGETHER = 64

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Connection], Any]
    answer: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any = None
    error: Exception | None = None


class Writer:
    """Writes through ``engine``, whose transactions begin IMMEDIATE, in a thread of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")
        self._waiting: list[_Job] = []
        self._is_called = False  # what waits is handed over as soon as the loop comes to it
        self._at_work: Future[None] | None = None

    async def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns, once it is committed. It may be called more than once.

        A caller that is cancelled leaves nothing behind, unless it was being committed just then.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Job(work, answer))
        if self._at_work is None and not self._is_called:
            self._is_called = True
            loop.call_soon(self._hand_over, loop)
        return await answer

    async def close(self) -> None:
        """Finish what was begun."""
        await asyncio.sleep(0)  # what was called
        while self._at_work:
            await asyncio.wrap_future(self._at_work)
        await asyncio.to_thread(self._thread.shutdown)

    # By hand, since a task and two kinds of futures cost as much as the way to the thread and back.

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the thread what waits, if anything does."""
        self._is_called = False
        jobs = [job for job in self._waiting[:MOST_TOGETHER] if not job.answer.done()]
        del self._waiting[:MOST_TOGETHER]
        more = jobs or self._waiting
        self._at_work = self._thread.submit(self._work, loop, jobs) if more else None

    def _work(self, loop: asyncio.AbstractEventLoop, jobs: Sequence[_Job]) -> None:
        """In the thread."""
        outcomes = self._done(jobs)
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(self._settle, loop, jobs, outcomes)

    def _settle(
        self, loop: asyncio.AbstractEventLoop, jobs: Sequence[_Job], outcomes: Sequence[_Outcome]
    ) -> None:
        """Tell who waited, and go on with what came meanwhile."""
        for job, outcome in zip(jobs, outcomes, strict=True):
            if job.answer.done():  # nobody waits for it any more
                continue
            if outcome.error is not None:
                job.answer.set_exception(outcome.error)
            else:
                job.answer.set_result(outcome.value)
        self._hand_over(loop)

    def _done(self, jobs: Sequence[_Job]) -> list[_Outcome]:
        """Together, or one by one when the database refuses them so: then only one is to blame."""
        if len(jobs) > 1:
            try:
                with self._engine.connect() as db:
                    db.begin()
                    outcomes = [_inside(db, job) for job in jobs]
                    _commit(db)
                    return outcomes
            except Exception:
                return [self._alone(job) for job in jobs]
        return [self._alone(job) for job in jobs]

    def _alone(self, job: _Job) -> _Outcome:
        try:
            _check_wanted(job)  # before it waits for a lock: others may wait behind it
            with self._engine.connect() as db:
                db.begin()
                value = _worked(db, job)
                _commit(db)
                return _Outcome(value)
        except Exception as error:  # the caller's, whatever it is
            return _Outcome(error=error)


def _inside(db: Connection, job: _Job) -> _Outcome:
    """``job`` done within the transaction of others. Raises what makes all of it doubtful."""
    execute(db, "SAVEPOINT job")
    try:
        outcome = _Outcome(_worked(db, job))
    except DBAPIError:  # SQLite may have undone the whole transaction
        raise
    except Exception as error:
        execute(db, "ROLLBACK TO job")
        outcome = _Outcome(error=error)
    execute(db, "RELEASE job")
    return outcome


def _worked(db: Connection, job: _Job) -> Any:
    value = job.work(db)
    _check_wanted(job)
    return value


def _check_wanted(job: _Job) -> None:
    if job.answer.cancelled():
        raise TimeoutError("Nobody waits for this transaction any more.")


def _commit(db: Connection) -> None:
    try:
        db.commit()
    except DBAPIError:
        db.invalidate()  # SQLite keeps a transaction open that it could not commit
        raise
