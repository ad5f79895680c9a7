"""Many callers, one thread: whatever waits when the model is free shares its next run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from nlu.errors import NluError, NluUnavailable

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Request, Answer]):
    request: Request
    answer: asyncio.Future[Answer]
    length: int = 0


class MicroBatcher(Generic[Request, Answer]):
    """Gathers requests while the model works, never longer.

    Args:
        model: Answers a batch, in its order; runs in the batcher's thread, as ``length`` does.
        length: How many tokens a request has.
        max_tokens: Of one batch, padding included; a longer request runs alone, with 0 each.
        most_waiting: Requests beyond this are refused.
    """

    def __init__(
        self,
        model: Callable[[Sequence[Request]], Sequence[Answer]],
        *,
        length: Callable[[Request], int],
        max_tokens: int,
        most_waiting: int = 1024,
    ) -> None:
        self._model, self._length = model, length
        self._max_tokens, self._most_waiting = max_tokens, most_waiting
        self._waiting: list[_Waiting[Request, Answer]] = []
        self._unanswered = 0
        self._is_called = False  # what waits is handed over as soon as the loop comes to it
        self._at_work: Future[None] | None = None
        self._closing = False

    @property
    def queue_length(self) -> int:
        """Requests accepted and not answered."""
        return self._unanswered

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="nlu")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the batch at work end, refuse what waits."""
        self._closing = True
        try:
            if self._at_work:
                await asyncio.wrap_future(self._at_work)
        finally:
            for waiting in self._waiting:
                _settle(waiting.answer, NluUnavailable("NLU is closing."))
            self._waiting.clear()
            self._thread.shutdown(wait=False)

    async def submit(self, request: Request) -> Answer:
        """The model's answer; NluUnavailable when too many wait or the batcher closes."""
        if self._closing:
            raise NluUnavailable("NLU is closing.")
        if self.queue_length >= self._most_waiting:
            raise NluUnavailable(f"{self.queue_length} messages already wait to be understood.")
        waiting = _Waiting[Request, Answer](request, self._loop.create_future())
        self._waiting.append(waiting)
        if self._at_work is None and not self._is_called:
            self._is_called = True
            self._loop.call_soon(self._hand_over)
        self._unanswered += 1
        try:
            return await waiting.answer
        finally:
            self._unanswered -= 1

    # By hand, since a task and two kinds of futures cost as much as the way to the thread and back.

    def _hand_over(self) -> None:
        """Give the thread what waits, if anything does."""
        self._is_called = False
        self._at_work = None
        if self._waiting and not self._closing:
            drained, self._waiting = self._waiting, []
            self._at_work = self._thread.submit(self._serve, drained)

    def _serve(self, drained: list[_Waiting[Request, Answer]]) -> None:
        try:
            self._work(drained)
        finally:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self._loop.call_soon_threadsafe(self._hand_over)

    def _work(self, drained: list[_Waiting[Request, Answer]]) -> None:
        """In the thread: shortest first, in batches that pad little, each answered when done."""
        measured = [
            waiting for waiting in drained if not waiting.answer.done() and self._measure(waiting)
        ]
        measured.sort(key=lambda waiting: waiting.length)
        for batch in _batches(measured, self._max_tokens):
            self._run(batch)

    def _measure(self, waiting: _Waiting[Request, Answer]) -> bool:
        try:
            waiting.length = self._length(waiting.request)
        except BaseException as error:  # a panic in native code is no Exception
            self._tell(waiting, error)
            return False
        return True

    def _run(self, batch: list[_Waiting[Request, Answer]]) -> None:
        if not (batch := [waiting for waiting in batch if not waiting.answer.done()]):
            return
        try:
            answers = self._model([waiting.request for waiting in batch])
            pairs = list(zip(batch, answers, strict=True))
        except BaseException as error:  # as above
            if len(batch) == 1:
                self._tell(batch[0], error)
            else:  # one request must not spoil the answers of the others
                for waiting in batch:
                    self._run([waiting])
            return
        for waiting, answer in pairs:
            self._tell(waiting, answer)

    def _tell(self, waiting: _Waiting[Request, Answer], result: Answer | BaseException) -> None:
        self._loop.call_soon_threadsafe(_settle, waiting.answer, result)


def _batches(
    waiting: Sequence[_Waiting[Request, Answer]], max_tokens: int
) -> Iterator[list[_Waiting[Request, Answer]]]:
    """Runs of ``waiting``, sorted by length, whose padded size stays under ``max_tokens``."""
    batch: list[_Waiting[Request, Answer]] = []
    for one in waiting:
        if batch and (len(batch) + 1) * one.length > max_tokens:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _settle(answer: asyncio.Future[Answer], result: Answer | BaseException) -> None:
    if answer.done():  # its caller has gone
        return
    if isinstance(result, BaseException):
        answer.set_exception(result if isinstance(result, Exception) else NluError(repr(result)))
    else:
        answer.set_result(result)
