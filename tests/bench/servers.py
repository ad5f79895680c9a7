"""Parley and Rasa under load, side by side: how they are started, asked and measured."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PARLEY = str(Path(sys.executable).with_name("parley"))
WEBHOOK = "/webhooks/rest/webhook"
QUIET = {"RASA_TELEMETRY_ENABLED": "false", "PARLEY_LOG_LEVEL": "WARNING"}


@dataclass(frozen=True, slots=True)
class Server:
    """A server under load."""

    name: str
    port: int
    pid: int
    ready_s: float  # from its start


class Connection:
    """One HTTP connection that stays open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, path: str, content: Mapping[str, object]) -> bytes:
        """The body of the answer; anything but 200 ends the benchmark."""
        body = json.dumps(content).encode()
        self._writer.write(
            b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        answer = await self._reader.readexactly(length)
        if not head.startswith(b"http/1.1 200"):
            raise SystemExit(f"{content} was answered: {head!r} {answer!r}")
        return answer

    async def say(self, sender: str, said: str) -> None:
        """A turn; silence ends the benchmark."""
        if await self.post(WEBHOOK, {"sender": sender, "message": said}) == b"[]":
            raise SystemExit(f"{said!r} was not answered")

    def close(self) -> None:
        self._writer.close()


def run(command: list[str], folder: Path) -> tuple[float, float]:
    """Run it to its end; seconds, and of CPU. Its failure ends the benchmark."""
    began, before = time.perf_counter(), os.times()
    done = subprocess.run(command, cwd=folder, env=os.environ | QUIET, capture_output=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr.decode()[-2000:]}")
    after = os.times()
    cpu = after.children_user + after.children_system
    return time.perf_counter() - began, cpu - before.children_user - before.children_system


@contextmanager
def parley(folder: Path, project: Path, *options: str) -> Iterator[Server]:
    environ = {"PARLEY_HOME": str(folder / "home")}
    command = [PARLEY, "run", "--project", str(project), *options]
    with serving("parley", command, environ, folder) as server:
        yield server


@contextmanager
def rasa(program: str, folder: Path) -> Iterator[Server]:
    """What is trained in ``folder``."""
    with serving("rasa", [program, "run", "--enable-api"], {}, folder) as server:
        yield server


@contextmanager
def serving(
    name: str, command: list[str], environ: Mapping[str, str], folder: Path
) -> Iterator[Server]:
    """The server, as soon as it has answered a message."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    with (folder / f"{name}.log").open("wb") as log:
        child = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder,
            env=os.environ | QUIET | environ,
            stdout=log,
            stderr=log,
        )
    try:
        while not answers(port):
            if child.poll() is not None:
                sys.exit((folder / f"{name}.log").read_text()[-2000:])
            time.sleep(0.05)
        yield Server(name, port, child.pid, time.perf_counter() - began)
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(60)


def answers(port: int) -> bool:
    body = json.dumps({"sender": "first", "message": "/greet"}).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{WEBHOOK}", body, 30) as answer:
            return bool(json.load(answer))
    except (OSError, urllib.error.URLError):
        return False


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process and its children have used."""
    ticks = 0
    for each in family(pid):
        stat = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(stat[11]) + int(stat[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Resident memory of one process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(status.split("VmRSS:")[1].split()[0]) / 1024, 1)
