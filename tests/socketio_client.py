"""A small Socket.IO client over a WebSocket, written down from the protocol's two pages.

Engine.IO 4 (https://socket.io/docs/v4/engine-io-protocol/) carries Socket.IO 5 packets
(https://socket.io/docs/v4/socket-io-protocol/): a digit for each, the latter inside a message.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

OPEN, CLOSE, PING, PONG, MESSAGE = "01234"
CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR = "01234"


class Refusal(Exception):
    """The server did not let the client in."""


class Visitor:
    """One connection: what it emits, and what it is told."""

    def __init__(self, socket: ClientConnection, namespace: str) -> None:
        self._socket = socket
        self._before = "" if namespace == "/" else f"{namespace},"
        self.sid = ""

    async def emit(self, event: str, *data: Any, ack: int | None = None) -> None:
        number = "" if ack is None else str(ack)
        await self.send(f"{EVENT}{self._before}{number}{json.dumps([event, *data])}")

    async def send(self, packet: str) -> None:
        """A Socket.IO packet as it is."""
        await self._socket.send(MESSAGE + packet)

    async def told(self) -> list[Any]:
        """The next event: its name and what came with it. An ack is named by its number."""
        packet = await self._packet()
        if packet[0] == CONNECT_ERROR:
            raise Refusal(packet[1:])
        body = packet[1:].removeprefix(self._before)
        digits = body[: len(body) - len(body.lstrip("0123456789"))]
        found: list[Any] = json.loads(body[len(digits) :])
        return [int(digits), *found] if packet[0] == ACK else found

    async def all_told(self, within_s: float) -> list[list[Any]]:
        """Everything it is told until nothing comes for that long."""
        events = []
        while True:
            try:
                events.append(await asyncio.wait_for(self.told(), within_s))
            except TimeoutError:
                return events

    async def enter(self, auth: Any = None) -> None:
        """Connect to the namespace. Raises Refusal."""
        said = "" if auth is None else json.dumps(auth)
        await self.send(f"{CONNECT}{self._before}{said}")
        packet = await self._packet()
        if packet[0] != CONNECT:
            raise Refusal(packet[1:])
        self.sid = json.loads(packet[1:].removeprefix(self._before))["sid"]

    async def _packet(self) -> str:
        while True:
            frame = str(await asyncio.wait_for(self._socket.recv(), 20))
            if frame[0] == PING:
                await self._socket.send(PONG)
            elif frame[0] == MESSAGE:
                return frame[1:]


@asynccontextmanager
async def visiting(
    address: str,
    *,
    path: str = "/socket.io",
    namespace: str = "/",
    auth: Any = None,
    origin: str | None = None,
) -> AsyncIterator[Visitor]:
    """A client connected to ``address``, such as ``http://127.0.0.1:5005``. Raises Refusal."""
    url = f"{address.replace('http', 'ws', 1)}{path}/?EIO=4&transport=websocket"
    async with connect(url, origin=origin) as socket:  # type: ignore[arg-type]
        assert str(await socket.recv())[0] == OPEN
        visitor = Visitor(socket, namespace)
        await visitor.enter(auth)
        yield visitor
