"""A tracker as the API shows it: its state with those events that were asked for, or as stories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bot.api.schemas import IncludeEvents
from bot.dialogue.domain import Domain
from bot.dialogue.events import Event, Restarted
from bot.dialogue.sessions import sessions
from bot.dialogue.tracker import Tracker
from bot.dialogue.written import event_state, tracker_state
from bot.project.story_yaml import WrittenStory, story_steps, write_stories
from bot.store.base import Log


async def state_of(
    tracker: Tracker, include_events: IncludeEvents, log: Log, *, until: float | None = None
) -> dict[str, Any]:
    """The state of ``tracker`` as Rasa writes it; events up to ``until``."""
    events = view(tracker, include_events)
    if include_events == "ALL" or (tracker.base is not None and include_events == "AFTER_RESTART"):
        every = include_events == "ALL"
        history = await log.history(tracker.conversation_id, all_sessions=every)
        logged = early(history.events, until)
        events = (logged if every else _after_restart(logged)) or events
    return state_with(tracker, events)


def state_with(tracker: Tracker, events: Sequence[Event] | None) -> dict[str, Any]:
    """The state of ``tracker`` as Rasa writes it, with these events."""
    state = tracker_state(tracker)
    state["events"] = None if events is None else [event_state(event) for event in events]
    return state


def view(tracker: Tracker, include_events: IncludeEvents) -> Sequence[Event] | None:
    """Those of the tracker's events that ``include_events`` asks for."""
    match include_events:
        case "NONE":
            return None
        case "APPLIED":
            return [tracker.events[index] for index in tracker.applied]
        case "AFTER_RESTART":
            return _after_restart(tracker.events)
        case "ALL":
            return tracker.events


def early(events: Sequence[Event], until: float | None) -> list[Event]:
    """``events`` up to ``until``, in seconds since the epoch."""
    latest = math.inf if until is None else until
    return [event for event in events if (event.timestamp or 0.0) <= latest]


def stories_of(conversation_id: str, events: Sequence[Event], domain: Domain) -> str:
    """A test story for each session in ``events``, as YAML."""
    parts = sessions(events) or [events]
    stories = []
    for number, session in enumerate(parts, 1):
        name = f"{conversation_id}, session {number}" if len(parts) > 1 else conversation_id
        tracker = Tracker.start(conversation_id, domain).apply_all(session)
        applied = [tracker.events[index] for index in tracker.applied]
        stories.append(WrittenStory(name, story_steps(applied)))
    return write_stories(stories)


def _after_restart(events: Sequence[Event]) -> Sequence[Event]:
    restarts = (n for n, event in enumerate(events) if isinstance(event, Restarted))
    return events[max(restarts, default=-1) + 1 :]
