"""Work that serving must not wait for: `parley train` and `parley test` as children, for the API.

One at a time: a training takes all the processor there is.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from bot.errors import ParleyError, Unavailable

LAUNCHER = Path(__file__).with_name("children") / "launcher.py"
COMMAND = "from bot.cli import main; main()"
MOST_OUTPUT = 65_536  # bytes of a child's last words that are kept
STOP_S = 5.0

log = structlog.get_logger(__name__)


class NotInstalled(ParleyError):
    """What the request needs is an extra that is not installed."""

    status = 501
    reason = "NotImplemented"


class JobFailed(ParleyError):
    """A child did not do what it was started for; the sentence is its last."""

    status = 500
    reason = "JobFailed"


class TrainingFailed(JobFailed):
    """No model came of it."""

    reason = "TrainingError"


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended, and the end of what it said."""

    status: int
    output: str

    @property
    def last_line(self) -> str:
        """What it said last."""
        lines = self.output.strip().splitlines()
        return lines[-1].strip().removeprefix("parley: ") if lines else "it said nothing"


class Jobs:
    """The children at work. An async context manager; ends them when left."""

    def __init__(self) -> None:
        self._children: set[asyncio.subprocess.Process] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy = False
        self.trainings = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(_stop(child) for child in list(self._children)))

    def check_free(self) -> None:
        """Raises Unavailable while another is at work."""
        if self._busy:
            raise Unavailable("A training or test is running already; ask again when it is done.")

    @asynccontextmanager
    async def place(self, *, training: bool = False) -> AsyncIterator[None]:
        """The right to work within the block. Raises Unavailable when another has it."""
        self.check_free()
        self._busy = True
        self.trainings += training
        try:
            yield
        finally:
            self._busy = False
            self.trainings -= training

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let ``work`` go on behind the answer, until the server ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run(
        self, *arguments: str | Path, variables: Mapping[str, str] | None = None
    ) -> Finished:
        """`parley` with ``arguments``, to its end."""
        child = await asyncio.create_subprocess_exec(
            *_command(arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "NO_COLOR": "1", **(variables or {})},
            start_new_session=True,
        )
        self._children.add(child)
        try:
            output = await _last_words(child)
            return Finished(await child.wait(), output)
        finally:
            await _stop(child)
            self._children.discard(child)


def check_installed() -> None:
    """Raises NotInstalled where models cannot be trained."""
    if find_spec("training") is None or find_spec("torch") is None:
        raise NotInstalled("This server cannot train: parley[train] is not installed with it.")


def _command(arguments: Sequence[str | Path]) -> list[str]:
    """The command, through the launcher that lets it end with this process."""
    launch = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(signal.SIGTERM))]
    return [*launch, sys.executable, "-c", COMMAND, *map(str, arguments)]


async def _last_words(child: asyncio.subprocess.Process) -> str:
    assert child.stdout is not None
    kept = b""
    while piece := await child.stdout.read(MOST_OUTPUT):
        kept = (kept + piece)[-MOST_OUTPUT:]
    return kept.decode("utf-8", "replace")


async def _stop(child: asyncio.subprocess.Process) -> None:
    """End the child and whatever it started."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if child.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(child.pid, how)
        with suppress(TimeoutError):
            await asyncio.wait_for(child.wait(), STOP_S)
