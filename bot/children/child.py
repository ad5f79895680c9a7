"""One program started by this process, which ends when this process ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.errors import ParleyError

_LAUNCHER = Path(__file__).with_name("launcher.py")
_POLL_S = 0.02


class ChildFailed(ParleyError):
    """A program that had to run did not start, or ended."""

    reason = "ChildFailed"


class Child:
    """A running program.

    Args:
        name: What messages call it.
        command: The program and its arguments.
        death_signal: What the kernel sends it when this process is gone.
        log: A file its output goes to; None leaves it on this terminal.
        sockets: Listening sockets it inherits; they stay open until `stop`, over restarts too.
        lent: Other sockets it inherits; they are not closed here.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        death_signal: signal.Signals = signal.SIGTERM,
        log: Path | None = None,
        sockets: Sequence[socket.socket] = (),
        lent: Sequence[socket.socket] = (),
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._log = log
        launch = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid())]
        self._command = [*launch, str(int(death_signal)), *command]
        self._sockets = tuple(sockets)
        self._lent = tuple(lent)
        self._cwd = cwd
        self._env = dict(env) if env is not None else None
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") if self._log else contextlib.nullcontext() as output:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[each.fileno() for each in (*self._sockets, *self._lent)],
                cwd=self._cwd,
                env=self._env,
                start_new_session=True,  # Ctrl-C reaches only us, and we end it in order
            )

    def restart(self) -> None:
        """Start it again after it ended by itself."""
        self._process = self._start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, within_s: float) -> None:
        """Return once ``ready()``; raises ChildFailed when it ends first or takes too long."""
        deadline = time.monotonic() + within_s
        while not ready():
            if not self.alive:
                raise ChildFailed(f"{self.name} ended at its start. {self.last_words()}".strip())
            if time.monotonic() > deadline:
                raise ChildFailed(f"{self.name} was not ready within {within_s:.0f} s")
            time.sleep(_POLL_S)

    def last_words(self) -> str:
        """The last line of its log, for an error message."""
        if self._log is None:
            return "What it said is above."
        if not self._log.exists():
            return ""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"Its last words: {lines[-1].strip()}" if lines else ""

    def ask_to_end(self) -> None:
        """Tell it, and do not wait."""
        if self.alive:
            self._process.terminate()

    def stop(self, *, within_s: float = 5.0) -> None:
        """Ask it to end, and insist after ``within_s``."""
        for each in self._sockets:
            each.close()
        self.ask_to_end()
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
