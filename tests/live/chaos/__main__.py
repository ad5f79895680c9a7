"""``make chaos``: rounds of chaos until the time is over, with figures at the end."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bot.store import schema
from tests.live.chaos.chaos import Plan, run
from tests.servers import Valkey, own_database


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.live.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long, at least")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), help="to repeat a run"
    )
    parser.add_argument("--conversations", type=int, default=200, help="in a round")
    parser.add_argument("--messages", type=int, default=10, help="in a conversation")
    parser.add_argument(
        "--sqlite", action="store_true", help="one host: SQLite in place of PostgreSQL"
    )
    given = parser.parse_args()
    plan = Plan(given.seed, given.conversations, given.messages)
    print(f"seed {plan.seed}", flush=True)  # noqa: T201
    folder = Path(tempfile.mkdtemp(prefix="parley-chaos-"))
    valkey = Valkey()
    valkey.start()
    try:
        with own_database() as database:
            url = f"sqlite:///{folder}/parley.db" if given.sqlite else database.url("postgres")
            schema.upgrade(url)
            outcome = asyncio.run(
                run(
                    plan,
                    folder,
                    valkey=valkey,
                    database=None if given.sqlite else database,
                    database_url=url,
                    ends_at=time.monotonic() + 60 * given.minutes,
                )
            )
    finally:
        valkey.kill()
    print(outcome)  # noqa: T201
    if outcome.verdict.wrong:
        print(f"seed {plan.seed}; what the servers wrote is in {folder}")  # noqa: T201
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
