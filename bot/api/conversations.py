"""Conversations over HTTP: read a tracker, add events to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from fastapi.requests import Request
from fastapi.responses import Response

from bot.api.schemas import EventsBody, IncludeEvents
from bot.dialogue.events import ActionExecuted, Event, Restarted, SessionStarted
from bot.dialogue.policy import LISTEN
from bot.dialogue.tracker import SESSION_START, Tracker, event_state
from bot.door import body_schema, clean, json_body
from bot.errors import BadRequest, Conflict
from bot.running import running
from bot.services import Services
from bot.turn import NEWS, load

MOST_TRIES = 5
MOST_ID_CHARS = 255

router = APIRouter(prefix="/conversations", tags=["conversations"])


def _known_view(include_events: str = "AFTER_RESTART") -> IncludeEvents:
    """Which events the answer holds: `NONE`, `APPLIED`, `AFTER_RESTART` or `ALL`."""
    match include_events:
        case "NONE" | "APPLIED" | "AFTER_RESTART" | "ALL":
            return include_events
        case _:
            raise BadRequest("include_events should be NONE, APPLIED, AFTER_RESTART or ALL.")


def _checked_id(
    conversation_id: Annotated[str, Path(description="May contain slashes.")],
) -> str:
    if len(conversation_id) > MOST_ID_CHARS:
        raise BadRequest(f"A conversation's id has at most {MOST_ID_CHARS} characters.")
    return clean(conversation_id)


ConversationId = Annotated[str, Depends(_checked_id)]
View = Annotated[IncludeEvents, Depends(_known_view)]
Events = Annotated[EventsBody, Depends(json_body(EventsBody))]


@router.get("/{conversation_id:path}/tracker")
async def tracker(
    request: Request,
    conversation_id: ConversationId,
    include_events: View,
    until: Annotated[
        float | None, Query(description="Only events up to then, in seconds since 1970.")
    ] = None,
) -> Response:
    """A conversation's state and events. One that never was is shown as it would begin."""
    parley = running(request).parley
    found, _ = await load(conversation_id, parley)
    if not found.events:
        found = found.apply_all(session_start(parley.clock()))
    if until is not None and not math.isnan(until):
        early = [event for event in found.events if (event.timestamp or 0.0) <= until]
        blank = Tracker.start(conversation_id, parley.bot.domain)
        found = blank.apply_all(early)
    return await _answer(parley, found, include_events, until=until)


@router.post("/{conversation_id:path}/tracker/events", openapi_extra=body_schema(EventsBody))
async def add_events(
    request: Request, conversation_id: ConversationId, include_events: View, body: Events
) -> Response:
    """Log one event or a list of them, as they stand; `{"event": "resume"}` ends a pause.

    Events without a timestamp happen now. A new conversation first gets a session start, unless
    the list begins with one.
    """
    parley = running(request).parley
    events = _events(body.root, parley.clock())
    for _ in range(MOST_TRIES):
        try:
            added = await _log(parley, conversation_id, events)
        except Conflict:  # somebody was quicker, or the kept tracker is behind the log
            await parley.trackers.forget(conversation_id)
            continue
        return await _answer(parley, added, include_events)
    raise Conflict(f"Conversation {conversation_id!r} is busy; send the events again.")


def session_start(now: float) -> tuple[Event, ...]:
    """The events a session begins with."""
    return (
        ActionExecuted(name=SESSION_START, confidence=1.0, timestamp=now),
        SessionStarted(timestamp=now),
        ActionExecuted(name=LISTEN, timestamp=now),
    )


def view(tracker: Tracker, include_events: IncludeEvents) -> Sequence[Event] | None:
    """Those of the latest session's events that ``include_events`` asks for."""
    match include_events:
        case "NONE":
            return None
        case "APPLIED":
            return [tracker.events[index] for index in tracker.applied]
        case "AFTER_RESTART":
            restarts = (n for n, e in enumerate(tracker.events) if isinstance(e, Restarted))
            return tracker.events[max(restarts, default=-1) + 1 :]
        case "ALL":
            return tracker.events


async def _answer(
    parley: Services, tracker: Tracker, include_events: IncludeEvents, *, until: float | None = None
) -> Response:
    events = view(tracker, include_events)
    if include_events == "ALL":
        history = await parley.log.history(tracker.conversation_id, all_sessions=True)
        latest = math.inf if until is None else until
        events = [e for e in history.events if (e.timestamp or 0.0) <= latest] or events
    state = tracker.state()
    state["events"] = None if events is None else [event_state(event) for event in events]
    return Response(msgspec.json.encode(state), media_type="application/json")


async def _log(parley: Services, conversation_id: str, events: Sequence[Event]) -> Tracker:
    tracker, epoch = await load(conversation_id, parley)
    if not tracker.seq and not _begins_session(events):
        events = (*session_start(events[0].timestamp or parley.clock()), *events)
    await parley.log.commit(conversation_id, events, seq=tracker.seq, epoch=epoch)
    tracker = tracker.apply_all(events)
    await parley.trackers.keep(tracker, epoch=epoch)
    await parley.news.publish(conversation_id, NEWS)
    return tracker


def _events(body: Any, now: float) -> Sequence[Event]:
    """The events in ``body``, each with its time. Raises BadRequest."""
    given = body if isinstance(body, list) else [body]
    if not given:
        raise BadRequest("The list holds no events.")
    said = [{key: value for key, value in one.items() if value is not None} for one in given]
    try:
        events = msgspec.convert(said, list[Event])
    except msgspec.ValidationError as wrong:
        raise BadRequest(f"These are no events of Rasa: {wrong}.") from wrong
    return [
        event if event.timestamp is not None else msgspec.structs.replace(event, timestamp=now)
        for event in events
    ]


def _begins_session(events: Sequence[Event]) -> bool:
    first = events[0]
    return isinstance(first, SessionStarted) or (
        isinstance(first, ActionExecuted) and first.name == SESSION_START
    )
