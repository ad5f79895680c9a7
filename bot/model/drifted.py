"""What the last `parley report` found, in a file of the home: for the server's metrics."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from bot.settings import Settings

FILE = "drift.json"
LOOK_S = 10.0


class Moved(msgspec.Struct, frozen=True):
    """How far the latest window is from the reference by one measure, over one part of the turns;
    ``act`` is from where on that is worth acting on."""

    measure: str
    part: str
    value: float
    act: float
    is_alarm: bool = False


class Drift(msgspec.Struct, frozen=True):
    """``at`` in seconds since 1970."""

    at: float
    moved: tuple[Moved, ...] = ()


def file_of(settings: Settings) -> Path:
    """Where it is."""
    return settings.home / FILE


class DriftFile:
    """Reads the file again when it was written anew; without one, or with half of one, nothing was
    found.

    ``latest`` is what was found when it was read last.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self.latest: Drift | None = None

    async def follow(self) -> None:
        """Read it again and again, without end."""
        while True:
            await asyncio.to_thread(self.read)
            await asyncio.sleep(LOOK_S)

    def read(self) -> Drift | None:
        """What the last report found."""
        try:
            state = self._file.stat()
            stamp = state.st_mtime_ns, state.st_size
            if stamp != self._stamp:
                self.latest = msgspec.json.decode(self._file.read_bytes(), type=Drift)
                self._stamp = stamp
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            self._stamp = self.latest = None
        return self.latest
