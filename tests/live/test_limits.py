"""`parley run` and clients that are slow, too large, or speak an old version of TLS."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import httpx2
import pytest

from tests.command import PATIENCE_S, WEBHOOK, Run, running, write
from tests.live.test_server_api import certificate

pytestmark = pytest.mark.services
SAID = {"sender": "ann", "message": "hello"}


def told(run: Run, sent: bytes) -> bytes:
    """What the server says to ``sent`` before it hangs up."""
    url = httpx2.URL(run.url)
    with socket.create_connection((url.host, url.port), PATIENCE_S) as connection:
        connection.sendall(sent)
        found = b""
        while data := connection.recv(65536):
            found += data
        return found


def test_clients_that_let_the_server_wait_go_and_others_are_served_meanwhile(
    tmp_path: Path,
) -> None:
    variables = {"PARLEY_SLOW_CLIENT_S": "0.5", "PARLEY_MAX_HEADER_BYTES": "2048"}
    with running(write(tmp_path / "project"), tmp_path / "home", variables) as run:
        url = httpx2.URL(run.url)
        waiting = [socket.create_connection((url.host, url.port), PATIENCE_S) for _ in range(200)]
        for number, connection in enumerate(waiting):
            connection.sendall((b"", b"G", b"GET / HTTP/1.1\r\nX: ")[number % 3])
        assert run.client.post(WEBHOOK, json=SAID).status_code == 200
        for connection in waiting:
            with connection:
                assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")
                assert connection.recv(65536) == b""
        body = f"POST {WEBHOOK} HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{{"
        assert told(run, body.encode()).startswith(b"HTTP/1.1 408 ")
        assert told(run, b"GET / HTTP/1.1\r\nX: " + b"y" * 5000).startswith(b"HTTP/1.1 431 ")
        assert run.client.post(WEBHOOK, json=SAID).status_code == 200


def test_only_the_versions_of_tls_that_are_set_are_spoken(tmp_path: Path) -> None:
    crt, key = certificate(tmp_path / "tls")
    options = ["--ssl-certificate", str(crt), "--ssl-keyfile", str(key)]
    variables = {"PARLEY_SSL_MINIMUM": "1.3"}
    with running(write(tmp_path / "project"), tmp_path / "home", variables, *options) as run:
        with pytest.raises(ssl.SSLError):
            handshake(run, crt, ssl.TLSVersion.TLSv1_2)
        assert handshake(run, crt, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
        trusting = ssl.create_default_context(cafile=crt)
        answer = httpx2.get(f"{run.url}health", verify=trusting)
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


def handshake(run: Run, crt: Path, version: ssl.TLSVersion) -> str | None:
    """The version agreed on by a client that speaks ``version`` alone."""
    context = ssl.create_default_context(cafile=crt)
    context.minimum_version = context.maximum_version = version
    url = httpx2.URL(run.url)
    with (
        socket.create_connection((url.host, url.port), PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname=url.host) as secure,
    ):
        return secure.version()
