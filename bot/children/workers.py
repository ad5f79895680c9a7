"""The processes of one server: started, watched, replaced, ended; all accept on one socket.

A socket that listens is bound once, by the parent: connections that wait on it outlive any worker.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from bot.children.child import Child, ChildFailed
from bot.line import AllDone, Begin, Done, Failed, Line, Order, Ready, Up

STOP_S = 25.0  # for requests and turns in hand
PING_S = 10.0
SILENT_S = 30.0  # after which a worker that does not answer a ping is killed
STEADY_S = 60.0  # one that lived so long is started again at once when it ends
LONGEST_PAUSE_S = 30.0
# A worker has one thread for dialogue and one for the model; a pool of threads in each would have
# them all in each other's way.
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_MAIN = (
    "from bot.commands.memory import bound_memory; bound_memory()\n"
    "from bot.commands.worker import main; main()"
)

Beginning = Callable[[int, Sequence[Order]], Begin]
log = structlog.get_logger(__name__)


class Worker:
    """A process, and the line to it."""

    def __init__(self, child: Child, line: Line, hear: Callable[[Worker, Order], None]) -> None:
        self.child = child
        self.ready = asyncio.Event()
        self.gone = asyncio.Event()
        self.began = asyncio.get_running_loop().time()
        self._line = line
        self._hear = hear
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Done | None]] = {}
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(
        cls, begin: Begin, listening: socket.socket, hear: Callable[[Worker, Order], None]
    ) -> Worker:
        """A new one, told to ``begin``."""
        ours, theirs = socket.socketpair()
        with theirs:
            arguments = [str(theirs.fileno()), str(listening.fileno())]
            child = Child(
                f"worker {begin.number}",
                [sys.executable, "-c", _MAIN, *arguments],
                lent=[theirs, listening],
                env={**dict.fromkeys(ONE_THREAD, "1"), **os.environ},
            )
        line = await Line.over(ours)
        line.say(begin)
        return cls(child, line, hear)

    async def _listen(self) -> None:
        async for said in self._line.said():
            match said:
                case Ready():
                    self.ready.set()
                case Order():
                    self._hear(self, said)
                case Done(number=number) if waiting := self._asked.get(number):
                    if not waiting.done():
                        waiting.set_result(said)
        self.gone.set()
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_result(None)

    def say(self, said: AllDone | Up) -> None:
        self._line.say(said)

    async def ask(self, order: Order) -> Done | None:
        """What it answers to ``order``; None when it ends before that."""
        if self.gone.is_set():
            return None
        number = next(self._numbers)
        answer: asyncio.Future[Done | None] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._line.say(Order(number, order.what, order.body, order.in_turn))
        try:
            return await answer
        finally:
            del self._asked[number]

    async def is_up(self) -> bool:
        """Whether it came to take requests, and did not end before."""
        tasks = [asyncio.create_task(each.wait()) for each in (self.ready, self.gone)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return self.ready.is_set() and not self.gone.is_set()

    async def stop(self, *, within_s: float = STOP_S) -> None:
        """Have it end, by force after ``within_s``."""
        await asyncio.to_thread(self.child.stop, within_s=within_s)
        await self._listening
        await self._line.close()


@dataclass(slots=True)
class Pause:
    """Before the next start of a worker that ends by itself."""

    pause_s: float = 0.0

    def after(self, lived_s: float) -> float:
        """How long to wait with the next start."""
        if lived_s >= STEADY_S:
            self.pause_s = 0.0
        wait_s, self.pause_s = self.pause_s, min(LONGEST_PAUSE_S, max(1.0, 2 * self.pause_s))
        return wait_s


class Workers:
    """``count`` workers on ``listening``, until told to ``stop``.

    Args:
        beginning: What the worker of a number is told first, given the orders that the others
            carried out.
        on_ready: Called once, when all of them take requests.
    """

    def __init__(
        self,
        count: int,
        listening: socket.socket,
        *,
        beginning: Beginning,
        on_ready: Callable[[], None],
    ) -> None:
        self._count = count
        self._listening = listening
        self._beginning = beginning
        self._on_ready = on_ready
        self._workers: dict[int, Worker] = {}
        self._started: set[Worker] = set()  # and not ended
        self._orders: list[Order] = []  # the last of them, for workers started later
        self._in_turn = asyncio.Lock()
        self._reloading = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """End all workers; turns in hand may finish."""
        self._stopping.set()

    def reload(self) -> None:
        """Replace the workers by new ones, one after the other."""
        self._do(self._reload())

    async def run(self) -> None:
        """Start them, watch over them, end them. Raises ChildFailed when one does not start."""
        try:
            await self._start_all()
            if not self._stopping.is_set():
                self._on_ready()
                for number in self._workers:
                    self._do(self._keep(number))
                self._do(self._ping())
                await self._stopping.wait()
        finally:
            self._stopping.set()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for worker in self._started:
                worker.child.ask_to_end()
            await asyncio.gather(*map(self._end, list(self._started)))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Starting

    async def _start_all(self) -> None:
        """The first one alone: it brings the database up to date and says what is wrong, once."""
        for numbers in ([1], range(2, self._count + 1)):
            started = [await self._start(number) for number in numbers]
            self._workers.update(zip(numbers, started, strict=True))
            await self._until_up(started)

    async def _until_up(self, workers: Sequence[Worker]) -> None:
        stopping: asyncio.Task[bool] = asyncio.create_task(self._stopping.wait())
        up = asyncio.create_task(_all_up(workers))
        try:
            await asyncio.wait({stopping, up}, return_when=asyncio.FIRST_COMPLETED)
            if up.done() and not up.result():
                raise ChildFailed("A worker ended at its start. What it said is above.")
        finally:
            for task in (stopping, up):
                task.cancel()
        self._tell_count()

    async def _start(self, number: int) -> Worker:
        begin = self._beginning(number, self._orders)
        worker = await Worker.start(begin, self._listening, self._heard)
        self._started.add(worker)
        return worker

    async def _end(self, worker: Worker) -> None:
        await worker.stop()
        self._started.discard(worker)

    def _tell_count(self) -> None:
        workers = self._workers.values()
        up = sum(worker.ready.is_set() and not worker.gone.is_set() for worker in workers)
        for worker in workers:
            worker.say(Up(up, self._count))

    # Watching

    async def _keep(self, number: int) -> None:
        """Start the worker of this number again whenever it ends by itself."""
        loop, pause = asyncio.get_running_loop(), Pause()
        while True:
            worker = self._workers[number]
            await worker.gone.wait()
            if self._workers[number] is not worker:  # replaced
                continue
            self._tell_count()
            wait_s = pause.after(loop.time() - worker.began)
            log.error("worker.ended", number=number, again_in_s=wait_s)
            await self._end(worker)
            await asyncio.sleep(wait_s)
            async with self._in_turn:  # so that it misses no order
                self._workers[number] = await self._start(number)
            if await self._workers[number].is_up():
                log.info("worker.again", number=number)
                self._tell_count()

    async def _ping(self) -> None:
        """End workers that hang; they are started again."""
        while True:
            await asyncio.sleep(PING_S)
            await asyncio.gather(*map(self._check, dict(self._workers).items()))

    async def _check(self, item: tuple[int, Worker]) -> None:
        number, worker = item
        if not worker.ready.is_set():
            return
        try:
            async with asyncio.timeout(SILENT_S):
                await worker.ask(Order(0, "ping"))
        except TimeoutError:
            log.error("worker.hangs", number=number, silent_s=SILENT_S)
            await asyncio.to_thread(worker.child.stop, within_s=0)

    async def _reload(self) -> None:
        """A new worker takes requests before the one in whose place it comes ends."""
        async with self._reloading:
            for number in sorted(self._workers):
                async with self._in_turn:
                    new = await self._start(number)
                    if not await new.is_up():
                        log.error("worker.not_replaced", number=number)
                        await self._end(new)
                        return
                    old, self._workers[number] = self._workers[number], new
                self._tell_count()
                await self._end(old)
            log.info("workers.replaced", count=self._count)

    # Orders of one worker to all

    def _heard(self, worker: Worker, order: Order) -> None:
        self._do(self._pass_on(worker, order))

    async def _pass_on(self, asking: Worker, order: Order) -> None:
        if order.in_turn:
            async with self._in_turn:
                answers = await self._in_line(asking, order)
        else:
            answers = await self._all(order, list(self._workers.values()))
        asking.say(AllDone(order.number, tuple(answers)))

    async def _in_line(self, asking: Worker, order: Order) -> Sequence[Done]:
        """First of who asks: what it cannot do, nobody is asked for."""
        first = await asking.ask(order)
        if first is None or first.error is not None:
            return [first or _gone(order)]
        self._orders = [order]
        others = [worker for worker in self._workers.values() if worker is not asking]
        return [first, *await self._all(order, others)]

    async def _all(self, order: Order, workers: Sequence[Worker]) -> Sequence[Done]:
        """Of one that ends meanwhile nothing is said: who is started in its place does it."""
        answers = await asyncio.gather(*(worker.ask(order) for worker in workers))
        return [answer for answer in answers if answer is not None]


async def _all_up(workers: Sequence[Worker]) -> bool:
    return all(await asyncio.gather(*(worker.is_up() for worker in workers)))


def _gone(order: Order) -> Done:
    return Done(order.number, error=Failed("The worker that was asked has ended.", 503))


async def supervise(workers: Workers) -> None:
    """Run ``workers`` until SIGINT or SIGTERM; SIGHUP replaces them one after the other."""
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, workers.stop)
        loop.add_signal_handler(signal.SIGHUP, workers.reload)
    await workers.run()
