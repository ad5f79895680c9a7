"""Where servers come from: a process that has read all code, and splits in two for each server.

A line of JSON on standard input starts one: ``{"env": {...}, "log": "…", "dies_at": "before
commit", "times": 3}``; its process id is the line that answers. Starting a server so costs a
tenth of what a new interpreter costs, and a chaos run starts hundreds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import bot.commands.processes  # noqa: F401 (read here, not by each server)
from bot import handoff, inbox, reply
from bot.commands.run import run_server
from bot.store.redis import RedisLeases
from tests.live.chaos.points import dies_at
from tests.servers import die_with_parent

LEASE_S = 2.0  # instead of 10: faults come faster here than in life


def hurry() -> None:
    """Everything that waits for a while waits for a shorter one."""
    keywords = RedisLeases.__init__.__kwdefaults__
    assert keywords is not None
    keywords["lease_s"] = LEASE_S
    reply.SEND_S, reply.PROMPT_S, reply.DOUBT_S = 2.0, 1.0, 3.0
    handoff.DOUBT_S = reply.DOUBT_S
    reply.LATER_S = (0.5, 1.0, 2.0)
    sooner = inbox.Limits(sweep_s=1.0, late_s=2.0, close_s=5.0)
    inbox.Limits = lambda: sooner  # type: ignore[assignment,misc]


def serve(wanted: dict[str, Any]) -> None:
    """Be a server until the end."""
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for here, there in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(here, there)
    os.environ.update(wanted["env"])
    if point := wanted.get("dies_at"):
        dies_at(point, times=wanted["times"])
    run_server()


def main() -> None:
    die_with_parent()
    hurry()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                serve(json.loads(line))
                status = 0
            finally:
                os._exit(status)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
