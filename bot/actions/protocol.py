"""The protocol of rasa-sdk: what an action server is asked, and what its answer may be.

An answer is checked whole here: what comes out can be logged, said and stored.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from bot.actions.base import ActionAnswer
from bot.dialogue.events import Event, ReminderScheduled
from bot.dialogue.tracker import Tracker
from bot.dialogue.written import tracker_state
from bot.door import clean, read_json
from bot.errors import ActionFailed, BadRequest

SDK_VERSION = "3.21.1"  # of the protocol: what the request calls itself
MOST_BYTES = 8 * 1024 * 1024  # of an answer

Maps = list[dict[str, Any]] | None


class Parts(msgspec.Struct, frozen=True):
    """What a channel is told: each part of the shape that channels count on."""

    text: str | float | int | bool | None = None
    image: str | None = None
    buttons: Maps = None
    quick_replies: Maps = None
    elements: Maps = None


class _Response(Parts, frozen=True):
    """Something to say; ``template`` is the old name of ``response``."""

    response: str | None = None
    template: str | None = None


class _Body(msgspec.Struct, frozen=True):
    """The answer of an action server, as written."""

    events: list[dict[str, Any]] | None = None
    responses: list[dict[str, Any]] | None = None


def ask(action: str, tracker: Tracker, domain: Any = None, digest: str | None = None) -> bytes:
    """The JSON that asks for ``action``; without a domain, or a digest, when it is None."""
    call = {
        "next_action": action,
        "sender_id": tracker.conversation_id,
        "tracker": tracker_state(tracker),
        "version": SDK_VERSION,
    }
    if domain is not None:
        call["domain"] = domain
    if digest is not None:
        call["domain_digest"] = digest
    return encode(call)


def read_answer(action: str, body: bytes) -> ActionAnswer:
    """The events and responses in ``body``. Raises ActionFailed, saying what is wrong."""
    if len(body) > MOST_BYTES:
        raise ActionFailed(
            f"Action {action!r}: the answer has more than the {MOST_BYTES} bytes that are read."
        )
    try:
        found = msgspec.convert(read_json(body), _Body)
        written = [_completed(each) for each in found.events or ()]
        events = msgspec.convert(written, list[Event])
        for event in events:
            if isinstance(event, ReminderScheduled):
                datetime.fromisoformat(event.date_time).timestamp()
        said = [each.get("data") for each in written if each.get("event") == "bot"]
        msgspec.convert([each for each in said if each], list[Parts])
        msgspec.convert(found.responses or [], list[_Response])
    except (BadRequest, ValueError, OverflowError, OSError) as wrong:
        raise ActionFailed(
            f"Action {action!r}: the action server's answer should be an object with the keys "
            f"events and responses, as rasa-sdk writes it: {wrong}"
        ) from wrong
    return ActionAnswer(tuple(events), tuple(found.responses or ()))


def read_response(body: bytes) -> dict[str, Any] | None:
    """The message in ``body``, None when it says null. Raises BadRequest, or ValidationError."""
    found = read_json(body)
    if found is None:
        return None
    msgspec.convert(found, _Response)
    return dict(found)


def encode(value: Any) -> bytes:
    """``value`` as JSON; a lone surrogate somewhere in it becomes U+FFFD."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_well_formed(value))


def _well_formed(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {_well_formed(key): _well_formed(item) for key, item in value.items()}
        case list() | tuple():
            return [_well_formed(item) for item in value]
        case _:
            return value


def _completed(event: dict[str, Any]) -> dict[str, Any]:
    """``event`` with what rasa-sdk's helpers leave out, or write as null."""
    given = {
        key: value
        for key, value in event.items()
        if value is not None or key not in ("metadata", "data")
    }
    parse = given.get("parse_data")
    if given.get("event") != "user" or not isinstance(parse, dict):
        return given
    entities = parse.get("entities") or ()
    if isinstance(entities, list) and all(isinstance(each, dict) for each in entities):
        parse = {**parse, "entities": [{"start": 0, "end": 0, **each} for each in entities]}
    return {**given, "parse_data": {"text": given.get("text") or "", **parse}}
