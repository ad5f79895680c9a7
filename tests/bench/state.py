"""What keeping a message safe costs, step by step, on SQLite and a Valkey of its own.

    python tests/bench/state.py

One conversation after the other, one message at a time, as `parley run` has it by default:
accept (a transaction), lease (taken and given back), waiting (a read), commit (a transaction).
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from line import quantiles, show

from bot.children import redis
from bot.dialogue.events import ActionExecuted, BotUttered, UserUttered
from bot.dialogue.messages import Message, Reply
from bot.store import schema
from bot.store.redis import open_redis
from bot.store.sql import open_log

MESSAGES = 300
EVENTS = (
    UserUttered(text="where is my order 20415?"),
    ActionExecuted(name="utter_status"),
    BotUttered(text="It left Leeds this morning."),
    ActionExecuted(name="action_listen"),
)


async def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="parley-bench-"))
    child, redis_url = redis.start(folder)
    url = f"sqlite:///{folder}/parley.db"
    schema.upgrade(url)
    steps: dict[str, list[float]] = {name: [] for name in ("accept", "lease", "waiting", "commit")}

    async def timed(name: str, work: Awaitable[Any]) -> Any:
        began = time.perf_counter()
        done = await work
        steps[name].append((time.perf_counter() - began) * 1000)
        return done

    try:
        async with open_log(url) as log, open_redis(redis_url) as live:
            for number in range(MESSAGES):
                name = f"bench-{number}"
                await timed("accept", log.accept(Message(name, "where is my order 20415?")))
                began = time.perf_counter()
                async with live.leases.hold(name):
                    steps["lease"].append((time.perf_counter() - began) * 1000)
                    waiting = await timed("waiting", log.waiting(name))
                    assert waiting
                    commit = log.commit(
                        name,
                        EVENTS,
                        seq=0,
                        epoch=0,
                        inbox_id=waiting.inbox_id,
                        replies=[Reply(name, "It left Leeds this morning.")],
                        channel="rest",
                        sent=True,
                    )
                    await timed("commit", commit)
    finally:
        child.stop()
    show("state.steps", messages=MESSAGES, **{f"{k}_ms": quantiles(v) for k, v in steps.items()})


if __name__ == "__main__":
    asyncio.run(main())
