"""What `parley run` and its workers say to each other: values over a pair of sockets.

A value is msgpack behind its length, four bytes, big-endian.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec

MOST_BYTES = 64 * 1024**2


class Begin(msgspec.Struct, frozen=True, tag=True):
    """To a worker, first of all: who it is, and what to serve.

    ``given`` are settings by name, as on the command line; ``started`` are URLs of what the parent
    started; ``orders`` were carried out by the others before it.
    """

    number: int
    given: dict[str, Any]
    started: dict[str, str]
    orders: tuple[Order, ...] = ()


class Order(msgspec.Struct, frozen=True, tag=True):
    """Do ``what``, by the name of a handler, with ``body``.

    One that is ``in_turn`` waits for those before it, so that all workers end with the same.
    """

    number: int
    what: str
    body: bytes = b""
    in_turn: bool = False


class Done(msgspec.Struct, frozen=True, tag=True):
    """The answer of one worker to the order of this number; ``error`` instead of one."""

    number: int
    body: bytes = b""
    worker: int = 0
    error: Failed | None = None


class Failed(msgspec.Struct, frozen=True):
    """A ParleyError on its way between processes."""

    sentence: str
    status: int = 500
    reason: str = "InternalError"


class AllDone(msgspec.Struct, frozen=True, tag=True):
    """To the worker that asked: what all of them answered."""

    number: int
    answers: tuple[Done, ...]


class Ready(msgspec.Struct, frozen=True, tag=True):
    """From a worker: it takes requests."""


class Up(msgspec.Struct, frozen=True, tag=True):
    """To every worker: how many of how many take requests."""

    up: int
    of: int


Said = Begin | Order | Done | AllDone | Ready | Up
_decoder = msgspec.msgpack.Decoder(Said)


class Line:
    """One end. Reading ends when the other end is gone; writing to nobody is no error."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, end: socket.socket) -> Line:
        """The line over one ``end`` of a pair of sockets."""
        return cls(*await asyncio.open_connection(sock=end))

    def say(self, value: Said) -> None:
        """Send ``value``, without waiting for it to arrive."""
        if not self._writer.is_closing():
            packed = msgspec.msgpack.encode(value)
            self._writer.write(len(packed).to_bytes(4, "big") + packed)

    async def said(self) -> AsyncIterator[Said]:
        """What the other end says, until it is gone."""
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(4), "big")
                if length > MOST_BYTES:
                    return
                yield _decoder.decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            return

    async def close(self) -> None:
        """Hang up, once what was said is on its way."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
