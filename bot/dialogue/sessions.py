"""Where sessions begin among events."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from bot.dialogue.events import ActionExecuted, Event, SessionStarted
from bot.dialogue.tracker import SESSION_START


def sessions(events: Sequence[Event]) -> list[Sequence[Event]]:
    """``events`` cut before each session start and the action that led to it."""
    starts = (_start(events, at) for at, e in enumerate(events) if isinstance(e, SessionStarted))
    cuts = sorted({0, *starts, len(events)})
    return [events[start:end] for start, end in pairwise(cuts)]


def _start(events: Sequence[Event], at: int) -> int:
    """Where the session begins that the event at ``at`` starts."""
    before = events[at - 1] if at else None
    return at - (isinstance(before, ActionExecuted) and before.name == SESSION_START)
