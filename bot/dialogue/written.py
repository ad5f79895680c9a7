"""A tracker and its events as Rasa writes them: to action servers, on GET tracker, in exports."""

from __future__ import annotations

from typing import Any

import msgspec

from bot.dialogue.events import (
    ActiveLoop,
    Event,
    LegacyForm,
    LegacyFormValidation,
    LoopInterrupted,
    ReminderCancelled,
    UserUttered,
)
from bot.dialogue.tracker import Loop, Tracker

OURS = ("model_id", "assistant_id")  # event metadata that the server adds


def tracker_state(tracker: Tracker) -> dict[str, Any]:
    """What an action server is told of ``tracker``, its events included."""
    action = tracker.latest_action_name
    return {
        "sender_id": tracker.conversation_id,
        "slots": dict(tracker.slots),
        "latest_message": message_state(tracker.latest_message),
        "latest_event_time": tracker.events[-1].timestamp if tracker.events else None,
        "followup_action": tracker.followup_action,
        "paused": tracker.paused,
        "events": [event_state(event) for event in tracker.events],
        "latest_input_channel": tracker.latest_input_channel,
        "active_loop": _loop_state(tracker.active_loop),
        "latest_action": {"action_name": action} if action else {},
        "latest_action_name": action,
    }


def message_state(message: UserUttered | None) -> dict[str, Any]:
    """A user event's ``parse_data`` as Rasa writes it, with the message's own id and metadata."""
    if message is None:
        return {"intent": {}, "entities": [], "text": None, "message_id": None, "metadata": {}}
    found: dict[str, Any] = {"intent": {}, "entities": []}
    if message.parse_data is not None:
        found = msgspec.to_builtins(message.parse_data)
        for key in ("response_selector", "text_tokens"):  # only there when NLU filled them
            if not found[key]:
                del found[key]
        found["entities"] = [_entity_state(entity) for entity in found["entities"]]
    metadata = {key: value for key, value in message.metadata.items() if key not in OURS}
    return {**found, "text": message.text, "message_id": message.message_id, "metadata": metadata}


def _entity_state(entity: dict[str, Any]) -> dict[str, Any]:
    """``entity`` without the place of one that stands nowhere in the text."""
    if entity["end"]:
        return entity
    return {key: value for key, value in entity.items() if key not in ("start", "end")}


def event_state(event: Event) -> dict[str, Any]:
    """``event`` as Rasa writes it, which is by the newer name where an event has two."""
    found: dict[str, Any] = msgspec.to_builtins(modern(event))
    if isinstance(event, UserUttered):
        found["parse_data"] = message_state(event)
    if isinstance(event, ReminderCancelled):  # Rasa does not write what is cancelled
        return {key: found[key] for key in ("event", "timestamp", "metadata")}
    return found


def modern(event: Event) -> Event:
    """``event`` itself, or what it has been called since forms became loops."""
    match event:
        case LegacyForm(name=name):
            return ActiveLoop(name=name, timestamp=event.timestamp, metadata=event.metadata)
        case LegacyFormValidation(validate=validate):
            return LoopInterrupted(
                is_interrupted=not validate, timestamp=event.timestamp, metadata=event.metadata
            )
        case _:
            return event


def _loop_state(loop: Loop | None) -> dict[str, Any]:
    if loop is None:
        return {}
    return {
        "name": loop.name,
        "is_interrupted": loop.is_interrupted,
        "rejected": loop.rejected,
        "trigger_message": message_state(loop.trigger),
    }
