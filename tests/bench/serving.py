"""`parley run` on the starter project: time to ready, memory, and where a turn's time goes.

    python tests/bench/serving.py        (train data/starter first: make train)

Prints two JSON lines: ``serving.start`` (five starts; CPU seconds of the whole process tree,
start to end) and ``serving.turn`` (one visitor at a time, from the server's own turn log).
"""

from __future__ import annotations

import itertools
import json
import os
import resource
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
from contextlib import contextmanager
from pathlib import Path

from line import CHECKOUT, quantiles, show

STARTS = 5
VISITORS = 40
SAID = (
    "hi there",
    "do you ship to france and what does it cost",
    "where is my order 20415?",
    "how long does a refund take?",
    "do you have the ridgeline tent in green",
)


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="parley-bench-"))
    starts = []
    for _ in range(STARTS):
        with served(home) as (_, _, ready_s):
            pass
        starts.append((ready_s, cpu_of_children()))
    cpu = [after - before for before, after in pairs([0.0, *(cpu for _, cpu in starts)])]
    with served(home) as (port, server, _):
        for visitor in range(VISITORS):
            for said in SAID:
                say(port, f"bench-{visitor}", said)
        rss = {"server": rss_mb(server.pid)} | children_rss_mb(server.pid)
    show(
        "serving.start",
        ready_s=round(statistics.median(wall for wall, _ in starts), 2),
        ready_s_each=[round(wall, 2) for wall, _ in starts],
        cpu_s=round(statistics.median(cpu), 2),
        rss_mb=rss,
    )
    turns = read_turns(home / "server.log")[-VISITORS * len(SAID) :]
    steps = sorted({key for turn in turns for key in turn if key.endswith("_ms")})
    show(
        "serving.turn",
        turns=len(turns),
        **{step: quantiles([turn.get(step, 0.0) for turn in turns]) for step in steps},
    )


@contextmanager
def served(home: Path) -> Iterator[tuple[int, subprocess.Popen[bytes], float]]:
    """A running server, its process, and how many seconds it took until ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    actions = CHECKOUT / ".venv-actions/bin/python"
    environ = os.environ | {
        "PARLEY_HOME": str(home),
        "PARLEY_LOG_FORMAT": "json",
        "PARLEY_ACTIONS_PYTHON": str(actions),
        "SHOP_DATABASE_URL": f"sqlite:///{home}/shop.db",
        "HF_HUB_OFFLINE": "1",
    }
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the second start has byte code, everywhere
    command = [str(Path(sys.executable).with_name("parley")), "run", "--train"]
    command += ["--project", str(CHECKOUT / "data/starter"), "--port", str(port)]
    began = time.monotonic()
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    try:
        while not ready(port):
            if server.poll() is not None:
                sys.exit((home / "server.log").read_text())
            time.sleep(0.05)
        yield port, server, time.monotonic() - began
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def say(port: int, sender: str, text: str) -> None:
    body = json.dumps({"sender": sender, "message": text}).encode()
    url = f"http://127.0.0.1:{port}/webhooks/rest/webhook"
    with urllib.request.urlopen(url, body, timeout=60) as answer:
        assert json.load(answer), text


def read_turns(log: Path) -> list[dict[str, float]]:
    lines = (line for line in log.read_text().splitlines() if line.startswith("{"))
    return [record for record in map(json.loads, lines) if record.get("event") == "turn.done"]


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def pairs(values: list[float]) -> list[tuple[float, float]]:
    return list(itertools.pairwise(values))


def rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(status.split("VmRSS:")[1].split()[0]) / 1024, 1)


def children_rss_mb(pid: int) -> dict[str, float]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {
        Path(f"/proc/{child}/comm").read_text().strip(): rss_mb(int(child)) for child in children
    }


if __name__ == "__main__":
    main()
