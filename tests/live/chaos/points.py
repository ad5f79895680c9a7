"""The crash points of a turn: before and after everything it waits for.

Nothing in the product knows of them: a server of the chaos tests has these methods wrapped
(``dies_at``), and one of them ends its process as ``kill -9`` does.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import Any

from bot.actions.remote import RemoteActions
from bot.channels.callback import CallbackChannel
from bot.channels.telegram.channel import TelegramChannel
from bot.store.redis import RedisLeases, RedisNews, RedisTrackers
from bot.store.sql import SqlLog

AWAITS: dict[str, tuple[type, str]] = {
    "accept": (SqlLog, "accept"),
    "accepted": (SqlLog, "accepted"),
    "waiting": (SqlLog, "waiting"),
    "tried": (SqlLog, "tried"),
    "unfinished": (SqlLog, "unfinished"),
    "history": (SqlLog, "history"),
    "stands": (SqlLog, "stands"),
    "commit": (SqlLog, "commit"),
    "outgoing": (SqlLog, "outgoing"),
    "missed": (SqlLog, "missed"),
    "begin": (SqlLog, "begin_sending"),
    "settle": (SqlLog, "mark_sent"),
    "postpone": (SqlLog, "postpone"),
    "lease": (RedisLeases, "_taken"),
    "release": (RedisLeases, "_given_back"),
    "load": (RedisTrackers, "load"),
    "keep": (RedisTrackers, "keep"),
    "forget": (RedisTrackers, "forget"),
    "publish": (RedisNews, "publish"),
    "action": (RemoteActions, "run"),
    "telegram": (TelegramChannel, "send"),
    "callback": (CallbackChannel, "send"),
}
"""What inbox, turn, commit and reply wait for, by the name of a crash point."""

RARE = ("tried", "history", "stands", "postpone", "forget", "accepted")
"""Reached only where something else went wrong before."""

POINTS = [f"{when} {name}" for name in AWAITS for when in ("before", "after")]


def dies_at(point: str, *, times: int) -> None:
    """Let this process be killed when it comes to ``point`` for that many ``times``."""
    when, name = point.split()
    owner, method = AWAITS[name]
    original: Callable[..., Any] = getattr(owner, method)
    left = times

    def come() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @functools.wraps(original)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            come()
        found = await original(*args, **kwargs)
        if when == "after":
            come()
        return found

    setattr(owner, method, wrapped)
