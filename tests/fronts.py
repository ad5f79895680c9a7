"""TLS in front of servers whose builds speak none."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HANDSHAKE = 0x16  # how TLS begins (RFC 8446, section 5.1); no command of Redis does
ASKED = b"\0\0\0\x08\x04\xd2\x16\x2f"  # how PostgreSQL's clients ask for TLS (SSLRequest)
Opener = Callable[[int], "Front"]


class Front:
    """A port at which ``to`` is reached over TLS, or in the clear if ``clear``.

    The servers of a Sentinel or a Cluster speak with each other in the clear. ``secured`` counts
    the connections that came over TLS.
    """

    def __init__(self, to: int, context: ssl.SSLContext, *, clear: bool = True) -> None:
        self._to, self._context, self._clear = to, context, clear
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.secured = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            inside = self._let_in(client)
            if inside is None:
                return
            with inside, socket.create_connection(("127.0.0.1", self._to)) as server:
                threading.Thread(target=_pass_on, args=(server, inside), daemon=True).start()
                _pass_on(inside, server)

    def _let_in(self, client: socket.socket) -> socket.socket | None:
        first = client.recv(1, socket.MSG_PEEK)
        if first == ASKED[:1] and client.recv(len(ASKED), socket.MSG_WAITALL) == ASKED:
            client.sendall(b"S")
            first = client.recv(1, socket.MSG_PEEK)
        if first == bytes([HANDSHAKE]):
            secure = self._context.wrap_socket(client, server_side=True)
            self.secured += 1
            return secure
        return client if first and self._clear else None


def _pass_on(here: socket.socket, there: socket.socket) -> None:
    """Until one of both ends; then both do."""
    with suppress(OSError):
        while data := here.recv(65_536):
            there.sendall(data)
    for each in (here, there):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def fronts(context: ssl.SSLContext, *, clear: bool = True) -> Iterator[Opener]:
    """Opens fronts; all are closed after the block."""
    opened: list[Front] = []

    def front(port: int) -> Front:
        opened.append(Front(port, context, clear=clear))
        return opened[-1]

    try:
        yield front
    finally:
        for each in opened:
            each.close()
