"""Keys, one at a time, where there is a terminal; lines, where there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

try:
    import termios
    import tty
except ModuleNotFoundError:  # Windows
    termios = tty = None  # type: ignore[assignment]

ENTER, LEFT = ("\r", "\n"), "q"
MOST = 4096  # bytes of a line: what a terminal keeps


class Keys:
    """What is pressed. ``key`` is one key or, without a terminal, the first letter of a line."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def key(self) -> str:
        """The next key; that of leaving at the end of the input."""
        if self._descriptor is None:
            line = sys.stdin.readline()
            return (line.strip()[:1] or ENTER[0]) if line else LEFT
        read = os.read(self._descriptor, 1)
        while read and read[-1] & 0x80 and not _is_whole(read):
            read += os.read(self._descriptor, 1)
        return read.decode(errors="replace") if read and read != b"\x04" else LEFT

    def line(self, question: str) -> str:
        """A whole line; empty at the end of the input."""
        sys.stdout.write(question)
        sys.stdout.flush()
        if self._descriptor is None:
            return sys.stdin.readline().strip()
        with _as_lines(self._descriptor):
            read = os.read(self._descriptor, MOST)  # what is typed ahead stays for the next key
        return read.decode(errors="replace").strip()


@contextmanager
def keys() -> Iterator[Keys]:
    """The keyboard, without waiting for Enter; as it was before after the block."""
    if termios is None or not sys.stdin.isatty():
        yield Keys(None)
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield Keys(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


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


def _is_whole(read: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        read.decode()
        return True
    return len(read) >= 4
