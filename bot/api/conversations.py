"""Conversations over HTTP: read a tracker, add events to it, replace them, read it as a story."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from fastapi.requests import Request
from fastapi.responses import PlainTextResponse, Response

from bot.actions.protocol import Parts
from bot.api.auth import check_is_the_bots, requires, unless_a_person_has_it
from bot.api.parameters import ConversationId, OutputChannel, View, origin
from bot.api.schemas import EventsBody
from bot.api.views import early, state_of, stories_of
from bot.dialogue.events import ActionExecuted, AgentUttered, BotUttered, Event, SessionStarted
from bot.dialogue.messages import Message
from bot.dialogue.policy import LISTEN
from bot.dialogue.tracker import SESSION_START, Tracker
from bot.door import body_schema, json_body
from bot.effects import QUEUE, Effects, effects
from bot.errors import BadRequest, Conflict, NotFound
from bot.people.caller import Caller, NotAuthorized
from bot.reminders import NEWS as REMINDERS
from bot.reminders import named
from bot.running import InUse, running
from bot.services import Services
from bot.turn import NEWS, load, load_current

MOST_TRIES = 5

router = APIRouter(prefix="/conversations", tags=["conversations"])

Events = Annotated[EventsBody, Depends(json_body(EventsBody))]
Until = Annotated[float | None, Query(description="Only events up to then, in seconds since 1970.")]


class NoConversation(NotFound):
    """Nothing was ever logged under the id."""

    reason = "Not found"

    def __init__(self, conversation_id: str) -> None:
        super().__init__(f"There is no conversation {conversation_id!r}.")


@router.get(
    "/{conversation_id:path}/tracker",
    dependencies=[requires("conversations:read")],
)
async def tracker(
    loaded: InUse, conversation_id: ConversationId, include_events: View, until: Until = None
) -> Response:
    """A conversation's state and events. One that never was is shown as it would begin."""
    parley = loaded.parley
    found, _ = await load_current(conversation_id, parley)
    if not found.events:
        found = found.apply_all(session_start(parley.clock()))
    if until is not None and not math.isnan(until):
        history = await parley.log.history(conversation_id)
        blank = Tracker.start(conversation_id, parley.bot.domain)
        found = blank.apply_all(early(history.events or found.events, until))
    return answer(await state_of(found, include_events, parley.log, until=until))


@router.get(
    "/{conversation_id:path}/story",
    response_class=PlainTextResponse,
    dependencies=[requires("conversations:read")],
)
async def story(
    loaded: InUse,
    conversation_id: ConversationId,
    until: Until = None,
    all_sessions: Annotated[
        bool, Query(description="A story for each session, not of the latest alone.")
    ] = False,
) -> PlainTextResponse:
    """A conversation as a test story, in YAML."""
    history = await loaded.parley.log.history(conversation_id, all_sessions=all_sessions)
    if not history.seq:
        raise NoConversation(conversation_id)
    told = early(history.events, until) if until is not None else history.events
    return PlainTextResponse(stories_of(conversation_id, told, loaded.parley.bot.domain))


@router.post(
    "/{conversation_id:path}/tracker/events",
    openapi_extra=body_schema(EventsBody),
    dependencies=[requires("conversations:write"), Depends(unless_a_person_has_it)],
)
async def add_events(
    request: Request,
    loaded: InUse,
    conversation_id: ConversationId,
    include_events: View,
    body: Events,
    output_channel: OutputChannel = None,
    execute_side_effects: Annotated[
        bool, Query(description="Send what bot events say, set and cancel reminders.")
    ] = False,
) -> Response:
    """Log one event or a list of them, as they stand; `{"event": "resume"}` ends a pause.

    Events without a timestamp happen now. A new conversation first gets a session start, unless
    the list begins with one.
    """
    parley, server = loaded.parley, running(request)
    events = _events(body.root, parley.clock())
    _may_say(request.state.caller, events)
    if not events:
        raise BadRequest("The list holds no events.")
    before, _ = await load(conversation_id, parley)
    message = origin(conversation_id, server, before, output_channel)
    caused = effects(events, message) if execute_side_effects else Effects((), ())
    added = await _added(parley, message, events, caused, request.state.caller)
    if caused.replies:
        server.inbox.send(conversation_id)
    return answer(await state_of(added, include_events, parley.log))


@router.put(
    "/{conversation_id:path}/tracker/events",
    openapi_extra=body_schema(EventsBody),
    dependencies=[requires("conversations:write"), Depends(unless_a_person_has_it)],
)
async def replace_events(
    request: Request,
    loaded: InUse,
    conversation_id: ConversationId,
    include_events: View,
    body: Events,
) -> Response:
    """Put one event or a list of them in the place of everything that is logged."""
    parley = loaded.parley
    events = _events(body.root, parley.clock())
    _may_say(request.state.caller, events)
    for _ in range(MOST_TRIES):
        history = await parley.log.history(conversation_id)
        await check_is_the_bots(request.state.caller, parley.log)
        try:
            await parley.log.replace(conversation_id, events, seq=history.seq, epoch=history.epoch)
        except Conflict:
            continue
        await parley.trackers.forget(conversation_id)
        await parley.news.publish(conversation_id, NEWS)
        found, _ = await load(conversation_id, parley)
        return answer(await state_of(found, include_events, parley.log))
    raise _busy(conversation_id)


def session_start(now: float) -> tuple[Event, ...]:
    """The events a session begins with."""
    return (
        ActionExecuted(name=SESSION_START, confidence=1.0, timestamp=now),
        SessionStarted(timestamp=now),
        ActionExecuted(name=LISTEN, timestamp=now),
    )


def answer(content: Any) -> Response:
    """``content`` as JSON."""
    return Response(msgspec.json.encode(content), media_type="application/json")


async def _added(
    parley: Services, message: Message, events: Sequence[Event], caused: Effects, caller: Caller
) -> Tracker:
    """The conversation with ``events`` logged, and what they cause."""
    for _ in range(MOST_TRIES):
        try:
            return await _log(parley, message, events, caused, caller)
        except Conflict:  # somebody was quicker, or the kept tracker is behind the log
            await parley.trackers.forget(message.conversation_id)
    raise _busy(message.conversation_id)


async def _log(
    parley: Services, message: Message, events: Sequence[Event], caused: Effects, caller: Caller
) -> Tracker:
    conversation_id = message.conversation_id
    tracker, epoch = await load(conversation_id, parley)
    await check_is_the_bots(caller, parley.log)
    if not tracker.seq and not _begins_session(events):
        events = (*session_start(events[0].timestamp or parley.clock()), *events)
    after = tracker.apply_all(events)  # before it is logged: what cannot be applied is not
    await parley.log.commit(
        conversation_id,
        events,
        seq=tracker.seq,
        epoch=epoch,
        replies=caused.replies,
        channel=message.channel,
        reminders=caused.reminders,
    )
    await parley.trackers.keep(after, epoch=epoch)
    await parley.news.publish(conversation_id, NEWS)
    if caused.reminders:
        await parley.news.publish(REMINDERS, NEWS)
    if caused.calls:
        await parley.news.publish(QUEUE, NEWS)
    return after


def _busy(conversation_id: str) -> Conflict:
    return Conflict(f"Conversation {conversation_id!r} is busy; send the events again.")


def _events(body: Any, now: float) -> list[Event]:
    """The events in ``body``, each with its time. Raises BadRequest."""
    given = body if isinstance(body, list) else [body]
    return [
        named(event)
        if event.timestamp is not None
        else msgspec.structs.replace(named(event), timestamp=now)
        for event in read_events(given)
    ]


def _may_say(caller: Caller, events: Sequence[Event]) -> None:
    """Raises NotAuthorized for a user who puts words into the mouth of a person at the desk."""
    if caller.only is not None and any(isinstance(event, AgentUttered) for event in events):
        raise NotAuthorized("What a person at the desk says comes from the desk alone.")


def read_events(given: Sequence[dict[str, Any]]) -> list[Event]:
    """Events as Rasa writes them. Raises BadRequest."""
    said = [{key: value for key, value in one.items() if value is not None} for one in given]
    try:
        events = msgspec.convert(said, list[Event])
        # What channels could not take apart would be in the way of all that is said after it.
        msgspec.convert([one.data for one in events if isinstance(one, BotUttered)], list[Parts])
        return events
    except msgspec.ValidationError as wrong:
        raise BadRequest(f"These are no events of Rasa: {wrong}.") from wrong


def _begins_session(events: Sequence[Event]) -> bool:
    first = events[0]
    return isinstance(first, SessionStarted) or (
        isinstance(first, ActionExecuted) and first.name == SESSION_START
    )
