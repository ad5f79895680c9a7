"""The workers of one `parley run`, as one of them sees the others."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from bot.errors import ParleyError, Unavailable
from bot.line import AllDone, Done, Failed, Line, Order, Up

Handler = Callable[[bytes], Awaitable[bytes]]
ANSWER_S = 300.0  # a model may be loaded, one worker after the other

log = structlog.get_logger(__name__)


class OrderFailed(ParleyError):
    """What a worker raised, told by another."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.sentence)
        self.status, self.reason = failed.status, failed.reason


@dataclass(slots=True)
class Count:
    """Workers that take requests."""

    up: int = 0
    of: int = 0
    once: bool = False  # all of them were up together


class Crew:
    """What one worker asks of all, and does because another asked."""

    def __init__(self, number: int, line: Line) -> None:
        self.number = number
        self.count = Count()
        self._line = line
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Sequence[Done]]] = {}

    async def ask(self, what: str, body: bytes = b"", *, in_turn: bool = False) -> Sequence[Done]:
        """What every worker that lives, this one too, answered to ``what``.

        Raises Unavailable when they do not in time.
        """
        number = next(self._numbers)
        answers: asyncio.Future[Sequence[Done]] = asyncio.get_running_loop().create_future()
        self._asked[number] = answers
        self._line.say(Order(number, what, body, in_turn))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answers
        except TimeoutError as error:
            raise Unavailable("The other workers of this server do not answer.") from error
        finally:
            del self._asked[number]

    async def order(self, what: str, body: bytes = b"") -> None:
        """Have every worker do ``what``, this one first. Raises the first error of any of them.

        What this one could not do the others are not asked for; workers started later do it too.
        """
        for done in await self.ask(what, body, in_turn=True):
            if done.error is not None:
                raise OrderFailed(done.error)

    async def check(self) -> None:
        """Raises Unavailable until all workers were up together."""
        if not self.count.once:
            raise Unavailable(f"{self.count.up} of {self.count.of} workers are up.")

    async def work(self, handlers: Mapping[str, Handler]) -> None:
        """Do what is ordered, until the parent is gone."""
        async with asyncio.TaskGroup() as group:
            orders: asyncio.Queue[Order] = asyncio.Queue()
            in_turn = group.create_task(self._carry_out(orders, handlers))
            async for said in self._line.said():
                match said:
                    case Order(in_turn=True):
                        orders.put_nowait(said)
                    case Order():
                        group.create_task(self._one(said, handlers))
                    case AllDone(number, answers) if waiting := self._asked.get(number):
                        if not waiting.done():
                            waiting.set_result(answers)
                    case Up(up, of):
                        self.count = Count(up, of, self.count.once or up == of)
            in_turn.cancel()

    async def _carry_out(
        self, orders: asyncio.Queue[Order], handlers: Mapping[str, Handler]
    ) -> None:
        while True:
            await self._one(await orders.get(), handlers)

    async def _one(self, order: Order, handlers: Mapping[str, Handler]) -> None:
        self._line.say(await carried_out(order, handlers, self.number))


async def carried_out(order: Order, handlers: Mapping[str, Handler], worker: int) -> Done:
    """What became of ``order``."""
    try:
        return Done(order.number, await handlers[order.what](order.body), worker)
    except ParleyError as error:
        failed = Failed(str(error), error.status, error.reason)
    except Exception:
        log.exception("order.failed", what=order.what)
        failed = Failed(f"Worker {worker} could not do it; the log of the server says why.")
    return Done(order.number, worker=worker, error=failed)
