"""HTTP for clients that send in time: who lets the server wait, or sends a head without end, goes.

A head and a body have to come within ``slow_s`` seconds, a body a second later for every
``BYTES_A_SECOND`` it brings; an answer has to be taken. uvicorn itself only ends connections that
idle between two requests.
"""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from typing import Any

from bot.commands.packets import Protocol

BYTES_A_SECOND = 500
AROUND = 8  # bytes that may come around each byte of a body: its pieces have sizes
UNREAD = 3  # times ``slow_s``: an answer that nobody takes


class Phase(Enum):
    """Whom a connection waits for: for a request to begin or its head, its body, our answer."""

    IDLE = "idle"
    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"


class PatientProtocol(Protocol):
    """uvicorn's HTTP, which knows for how long it has waited.

    Args:
        slow_s: Seconds; 0: for ever.
        most_head_bytes: Of a request's line and headers, and of what comes around a body.
    """

    def __init__(self, *args: Any, slow_s: float, most_head_bytes: int, **more: Any) -> None:
        super().__init__(*args, **more)
        self._slow_s, self._most_head_bytes = slow_s, most_head_bytes
        self._phase = Phase.HEAD
        self._since = self.loop.time()
        self._bytes = 0  # since then
        self._body_bytes = 0
        self._unread_since: float | None = None

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.IDLE:
            self._enter(Phase.HEAD)
        self._bytes += len(data)
        super().data_received(data)
        # While an answer is made this is the head of the next request.
        if self._bytes - self._body_bytes > self._most_head_bytes + AROUND * self._body_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self._most_head_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        if sum(name == b"host" for name, _ in self.headers) > 1:
            # A proxy in front might heed the other one (RFC 9112, section 3.2).
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        self._enter(Phase.BODY)
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        if self.transport.is_closing():
            return
        super().handle_websocket_upgrade()
        # websockets is silent about a head that it cannot read, and nobody would end the wait.
        if not getattr(self.transport.get_protocol(), "handshake_initiated", True):
            self._refuse(HTTPStatus.BAD_REQUEST)

    def on_body(self, body: bytes) -> None:
        if self.transport.is_closing():
            return
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.transport.is_closing():
            return
        self._enter(Phase.ANSWER)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self._phase is Phase.ANSWER:
            self._enter(Phase.IDLE)
        super().on_response_complete()

    def pause_writing(self) -> None:
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread_since = None
        super().resume_writing()

    def end_if_slow(self, now: float) -> None:
        """Close the connection if it has let us wait too long at ``now`` (loop time)."""
        if not self._slow_s or self.transport.is_closing():
            return
        if self._unread_since is not None:
            if now - self._unread_since > UNREAD * self._slow_s:
                self.transport.abort()
        elif now > self._due():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _due(self) -> float:
        """When what is waited for should be here."""
        if self._phase is Phase.HEAD:
            return self._since + self._slow_s
        if self._phase is Phase.BODY and not self.flow.read_paused:  # else it waits for us
            return self._since + self._slow_s + self._body_bytes / BYTES_A_SECOND
        return float("inf")

    def _enter(self, phase: Phase) -> None:
        self._phase, self._since = phase, self.loop.time()
        self._bytes = self._body_bytes = 0

    def _refuse(self, status: HTTPStatus) -> None:
        """Say so, unless an answer has begun, and hang up."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            head = f"HTTP/1.1 {status.value} {status.phrase}"
            self.transport.write(
                f"{head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
            )
        self.transport.close()
