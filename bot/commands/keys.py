"""Keys, one at a time, where there is a terminal; lines, where there is none."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

try:
    import termios
    import tty
except ModuleNotFoundError:  # Windows
    termios = tty = None  # type: ignore[assignment]

ESCAPE = b"\x1b"
ENTER, LEFT = ("\r", "\n"), "q"
MOST = 4096  # bytes of a line: what a terminal keeps


class Keys:
    """What is pressed. ``key`` is one key or, without a terminal, the first letter of a line.

    Args:
        stopped: Can be read once Ctrl-C was pressed.
    """

    def __init__(self, descriptor: int | None, stopped: int = -1) -> None:
        self._descriptor, self._stopped = descriptor, stopped

    def key(self) -> str:
        """The next key; that of leaving at the end of the input and at Ctrl-C."""
        if self._descriptor is None:
            line = sys.stdin.readline()
            return (line.strip()[:1] or ENTER[0]) if line else LEFT
        read = self._next(self._descriptor, 1)
        while read and read[-1] & 0x80 and not _is_whole(read):
            read += os.read(self._descriptor, 1)
        if read == ESCAPE:
            self._skip_sequence(self._descriptor)
        return read.decode(errors="replace") if read and read != b"\x04" else LEFT

    def line(self, question: str) -> str:
        """A whole line; empty at the end of the input and at Ctrl-C."""
        sys.stdout.write(question)
        sys.stdout.flush()
        if self._descriptor is None:
            return sys.stdin.readline().strip()
        with _as_lines(self._descriptor):
            # What is typed ahead stays for the next key.
            read = self._next(self._descriptor, MOST)
        return read.decode(errors="replace").strip()

    def _next(self, descriptor: int, most: int) -> bytes:
        """What is typed; empty at Ctrl-C."""
        ready, _, _ = select.select([self._stopped, descriptor], [], [])
        if self._stopped in ready:
            os.read(self._stopped, MOST)
            return b""
        return os.read(descriptor, most)

    def _skip_sequence(self, descriptor: int) -> None:
        """What arrows, Delete and the like send behind Escape: letters and digits that nobody
        meant (ECMA-48, 5.4)."""
        last = {b"[": range(0x40, 0x7F), b"O": range(0x100)}.get(_ready(descriptor), range(0))
        while last and (read := _ready(descriptor)) and read[0] not in last:
            pass


@contextmanager
def keys() -> Iterator[Keys]:
    """The keyboard, without waiting for Enter; as it was before after the block.

    Ctrl-C is a key like others: an event loop's own handler does not see it while one is awaited.
    """
    if termios is None or not sys.stdin.isatty():
        yield Keys(None)
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    stopped, stop = os.pipe()
    heard = signal.signal(signal.SIGINT, lambda number, frame: bool(os.write(stop, b"\x03")))
    try:
        tty.setcbreak(descriptor)
        yield Keys(descriptor, stopped)
    finally:
        signal.signal(signal.SIGINT, heard or signal.SIG_DFL)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        os.close(stop)
        os.close(stopped)


@contextmanager
def _as_lines(descriptor: int) -> Iterator[None]:
    now = termios.tcgetattr(descriptor)
    lines = [*now]
    lines[3] |= termios.ICANON | termios.ECHO
    try:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, lines)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, now)


def _ready(descriptor: int) -> bytes:
    """A byte that was sent already; empty where none was."""
    return os.read(descriptor, 1) if select.select([descriptor], [], [], 0)[0] else b""


def _is_whole(read: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        read.decode()
        return True
    return len(read) >= 4
