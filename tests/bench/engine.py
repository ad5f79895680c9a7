"""The dialogue engine alone: turns per second beside Rasa's, and a conversation that grows long.

    python tests/bench/engine.py [--rasa PATH] [--learned] [--seconds S] [--rounds N] [--turns N]

Serves moodbot of shared/rasa-projects to 16 REST connections, payload messages only: with its own
policies (``--learned``: TEDPolicy, memoization, rules), or with rules and memoization alone. PATH
is the `rasa` of a Rasa 3.6 (default: PARLEY_RASA); it is trained on the same files, and both are
driven in turns, round by round, in the one run. Parley runs as one process with a Valkey and a
SQLite file of its own; Rasa keeps its trackers in memory, its default, or with ``--rasa-sqlite``
in a SQLite file too.

Prints three JSON lines: ``engine.turns`` (turns per second, CPU of the server and its children for
each turn, the ratio to Rasa's), ``engine.long`` (p50 of a turn at both ends of one conversation,
and what Redis holds of it), and the same of Rasa, at fewer turns, when it is there.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from line import CHECKOUT, quantiles, show
from redis import Redis

MOODBOT = CHECKOUT / ".." / "shared" / "rasa-projects" / "moodbot"
CONFIG = """\
recipe: default.v1
assistant_id: bench
language: en
pipeline:
- name: KeywordIntentClassifier
policies:
- name: MemoizationPolicy
- name: RulePolicy
"""
LEARNED = """\
- name: TEDPolicy
  max_history: 5
  epochs: 1
"""
SAID = ("/greet", "/mood_unhappy", "/deny", "/bot_challenge", "/goodbye")  # a story, two rules
RASA_SQLITE = "tracker_store:\n  type: SQL\n  dialect: sqlite\n  db: rasa.db\n"
CONNECTIONS = 16
RASA_TURNS = 220
EARLY = 50  # turns at either end of the long conversation
LONG = "the-long-one"
WARM_S = 2.0
numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Server:
    """A server under load."""

    name: str
    port: int
    pid: int


def main() -> None:
    options = arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-bench-")))
        project = prepared(folder, learned=options.learned)
        servers = [stack.enter_context(parley(folder, project))]
        if options.rasa:
            store = RASA_SQLITE if options.rasa_sqlite else ""
            servers.append(stack.enter_context(rasa(folder, project, options.rasa, store)))
        measure_turns(servers, options)
        for server in servers:
            if server.name == "parley":
                with Redis(unix_socket_path=str(folder / "home/redis/redis.sock")) as redis:
                    measure_long(server, options.turns, redis)
            else:
                measure_long(server, min(options.turns, RASA_TURNS))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rasa", default=os.environ.get("PARLEY_RASA"), help="a Rasa 3.6 command")
    parser.add_argument("--learned", action="store_true", help="with moodbot's TEDPolicy too")
    parser.add_argument("--rasa-sqlite", action="store_true", help="Rasa on SQLite too")
    parser.add_argument("--seconds", type=float, default=10.0, help="of load, each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=2000, help="of the long conversation")
    return parser.parse_args()


def prepared(folder: Path, *, learned: bool) -> Path:
    project = folder / "moodbot"
    shutil.copytree(MOODBOT, project)
    (project / "config.yml").write_text(CONFIG + (LEARNED if learned else ""))
    (project / "credentials.yml").write_text("rest:\n")
    return project


def run(command: list[str], folder: Path) -> None:
    environ = os.environ | {"RASA_TELEMETRY_ENABLED": "false"}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


@contextmanager
def parley(folder: Path, project: Path) -> Iterator[Server]:
    environ = os.environ | {"PARLEY_HOME": str(folder / "home"), "PARLEY_LOG_LEVEL": "WARNING"}
    program = str(Path(sys.executable).with_name("parley"))
    if "TEDPolicy" in (project / "config.yml").read_text():
        run([program, "train", "core", "--quiet", "--project", str(project)], folder)
    command = [program, "run", "--nlu", "none", "--project", str(project)]
    with serving("parley", command, environ, folder, "/ready") as server:
        yield server


@contextmanager
def rasa(folder: Path, project: Path, program: str, store: str) -> Iterator[Server]:
    own = folder / "rasa"
    shutil.copytree(project, own)
    environ = os.environ | {"RASA_TELEMETRY_ENABLED": "false"}
    run([program, "train", "--fixed-model-name", "bench"], own)
    (own / "endpoints.yml").write_text(store)
    command = [program, "run", "--enable-api"]
    with serving("rasa", command, environ, own, "/status") as server:
        yield server


@contextmanager
def serving(
    name: str, command: list[str], environ: dict[str, str], folder: Path, path: str
) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / f"{name}.log").open("wb") as log:
        child = subprocess.Popen(
            [*command, "--port", str(port)], cwd=folder, env=environ, stdout=log, stderr=log
        )
    try:
        while not answers(port, path):
            if child.poll() is not None:
                sys.exit((folder / f"{name}.log").read_text()[-2000:])
            time.sleep(0.2)
        yield Server(name, port, child.pid)
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(60)


def answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def measure_turns(servers: list[Server], options: argparse.Namespace) -> None:
    rates: dict[str, list[float]] = {server.name: [] for server in servers}
    cpu_ms: dict[str, list[float]] = {server.name: [] for server in servers}
    for server in servers:
        asyncio.run(load(server, WARM_S))
    for _ in range(options.rounds):
        for server in servers:
            before = cpu_s(server.pid)
            turns, took = asyncio.run(load(server, options.seconds))
            rates[server.name].append(turns / took)
            cpu_ms[server.name].append((cpu_s(server.pid) - before) * 1000 / turns)
    facts = {
        name: {
            "turns_per_s": round(statistics.median(rates[name]), 1),
            "each": [round(rate, 1) for rate in rates[name]],
            "cpu_ms_per_turn": round(statistics.median(cpu_ms[name]), 3),
        }
        for name in rates
    }
    if "rasa" in rates:
        each = [ours / theirs for ours, theirs in zip(rates["parley"], rates["rasa"], strict=True)]
        facts["ratio"] = {
            "median": round(statistics.median(each), 1),
            "each": [round(ratio, 1) for ratio in each],
        }
    show(
        "engine.turns",
        connections=CONNECTIONS,
        seconds=options.seconds,
        rounds=options.rounds,
        learned=options.learned,
        **facts,
    )


async def load(server: Server, seconds: float) -> tuple[int, float]:
    """How many turns were answered, and in how many seconds."""
    began = time.perf_counter()
    until = began + seconds
    done = await asyncio.gather(*(visit(server.port, until) for _ in range(CONNECTIONS)))
    return sum(done), time.perf_counter() - began


async def visit(port: int, until: float) -> int:
    """One connection: a new conversation again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    turns = 0
    while time.perf_counter() < until:
        sender = f"visitor-{next(numbers)}"
        for said in SAID:
            await say(reader, writer, sender, said)
            turns += 1
    writer.close()
    return turns


async def say(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: str, said: str
) -> None:
    body = json.dumps({"sender": sender, "message": said}).encode()
    writer.write(
        b"POST /webhooks/rest/webhook HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    answer = await reader.readexactly(length)
    if not head.startswith(b"http/1.1 200") or not json.loads(answer):
        raise SystemExit(f"{said} was answered: {head!r} {answer!r}")


def measure_long(server: Server, turns: int, redis: Redis | None = None) -> None:
    took: list[float] = []
    kept_kb = []
    for part in (EARLY, turns - EARLY):
        took += asyncio.run(converse(server.port, part))
        if redis is not None:
            kept_kb.append(round(kept_bytes(redis) / 1024, 1))
    early, late = took[EARLY // 5 : EARLY], took[-EARLY:]
    show(
        "engine.long",
        server=server.name,
        turns=turns,
        early_ms=quantiles(early),
        late_ms=quantiles(late),
        ratio=round(statistics.median(late) / statistics.median(early), 2),
        redis_kb=kept_kb,
    )


async def converse(port: int, turns: int) -> list[float]:
    """More turns of one conversation; how many milliseconds each took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took = []
    for number in range(turns):
        began = time.perf_counter()
        await say(reader, writer, LONG, SAID[3 + number % 2])
        took.append((time.perf_counter() - began) * 1000)
    writer.close()
    return took


def kept_bytes(redis: Redis) -> int:
    """What Redis holds of the long conversation."""
    keys = list(redis.scan_iter(f"parley:{{{LONG}}}:*"))
    return sum(int(redis.memory_usage(key) or 0) for key in keys)


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process and its children have used."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_s(int(child)) for child in children)


if __name__ == "__main__":
    main()
