"""Events in a file, one line of JSON each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from bot.broker.base import Broker, Options, text
from bot.errors import Unavailable

DEFAULT = "rasa_event.log"


@asynccontextmanager
async def open_file(options: Options, folder: Path) -> AsyncIterator[Broker]:
    """Appends to the file at ``path``."""
    yield FileBroker(folder / text(options, "path", DEFAULT))


class FileBroker:
    """Opens the file for each batch, so that it may be moved away at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        lines = b"".join(msgspec.json.encode(event) + b"\n" for event in events)
        try:
            await asyncio.to_thread(self._append, lines)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}.") from error

    def _append(self, lines: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(lines)
