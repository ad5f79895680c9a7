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
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import servers
from line import CHECKOUT, quantiles, show
from redis import Redis
from servers import PARLEY, Connection, Server, cpu_s, run

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


def main() -> None:
    options = arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-bench-")))
        project = prepared(folder, learned=options.learned)
        tested = [stack.enter_context(parley(folder, project))]
        if options.rasa:
            store = RASA_SQLITE if options.rasa_sqlite else ""
            tested.append(stack.enter_context(rasa(folder, project, options.rasa, store)))
        measure_turns(tested, options)
        for server in tested:
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


@contextmanager
def parley(folder: Path, project: Path) -> Iterator[Server]:
    if "TEDPolicy" in (project / "config.yml").read_text():
        run([PARLEY, "train", "core", "--quiet", "--project", str(project)], folder)
    with servers.parley(folder, project, "--nlu", "none") as server:
        yield server


@contextmanager
def rasa(folder: Path, project: Path, program: str, store: str) -> Iterator[Server]:
    own = folder / "rasa"
    shutil.copytree(project, own)
    run([program, "train", "--fixed-model-name", "bench"], own)
    (own / "endpoints.yml").write_text(store)
    with servers.rasa(program, own) as server:
        yield server


def measure_turns(tested: list[Server], options: argparse.Namespace) -> None:
    rates: dict[str, list[float]] = {server.name: [] for server in tested}
    cpu_ms: dict[str, list[float]] = {server.name: [] for server in tested}
    for server in tested:
        asyncio.run(load(server, WARM_S))
    for _ in range(options.rounds):
        for server in tested:
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
    connection = await Connection.to(port)
    turns = 0
    while time.perf_counter() < until:
        sender = f"visitor-{next(numbers)}"
        for said in SAID:
            await connection.say(sender, said)
            turns += 1
    connection.close()
    return turns


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
    connection = await Connection.to(port)
    took = []
    for number in range(turns):
        began = time.perf_counter()
        await connection.say(LONG, SAID[3 + number % 2])
        took.append((time.perf_counter() - began) * 1000)
    connection.close()
    return took


def kept_bytes(redis: Redis) -> int:
    """What Redis holds of the long conversation."""
    keys = list(redis.scan_iter(f"parley:{{{LONG}}}:*"))
    return sum(int(redis.memory_usage(key) or 0) for key in keys)


if __name__ == "__main__":
    main()
