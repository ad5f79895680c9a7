"""Where the latest session begins among a conversation's events."""

from __future__ import annotations

from collections.abc import Sequence

from bot.dialogue.events import ActionExecuted, Event, SessionStarted
from bot.dialogue.tracker import SESSION_START


def latest_session(events: Sequence[Event]) -> tuple[Event, ...]:
    """From the last ``session_started`` on, with the action that wrote it; all when there is none.

    As a tracker that lived through them keeps them.
    """
    for first in range(len(events) - 1, -1, -1):
        if isinstance(events[first], SessionStarted):
            before = events[first - 1] if first else None
            opened = isinstance(before, ActionExecuted) and before.name == SESSION_START
            return tuple(events[first - opened :])
    return tuple(events)
