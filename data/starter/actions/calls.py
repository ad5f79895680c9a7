"""A call that comes again is answered as the first was, and changes nothing.

When a server dies after an action has run, another takes the same turn again and calls the action
once more. The call can be told by what the tracker says of it: the id of the user's message, and
how much had happened in its turn. Where a client sends no ids, what an action writes must bear to
be written again, as everything in ``shop`` does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from rasa_sdk import Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from .database import shop_session
from .models import Call

KEPT = timedelta(days=7)  # as long as Parley knows a message that comes again

Work = Callable[[Session], list[EventType]]


def call_key(action: str, tracker: Tracker) -> str | None:
    """The same for every call that one step of one turn makes, and for no other.

    None where the message has no id.
    """
    users = [at for at, event in enumerate(tracker.events) if event["event"] == "user"]
    if not users or not (message_id := tracker.events[users[-1]].get("message_id")):
        return None
    step = len(tracker.events) - users[-1]
    return f"{tracker.sender_id}/{message_id}/{step}/{action}"[-400:]


def once(key: str, dispatcher: CollectingDispatcher, work: Work) -> list[EventType]:
    """What ``work`` does and says, written with the key in one transaction; else what it said."""
    try:
        return _once(key, dispatcher, work)
    except IntegrityError:  # the same call, at the same time, was a little quicker
        dispatcher.messages.clear()
        return _once(key, dispatcher, work)


def _once(key: str, dispatcher: CollectingDispatcher, work: Work) -> list[EventType]:
    with shop_session() as session:
        if earlier := session.get(Call, key):
            answer = json.loads(earlier.answer)
            dispatcher.messages.extend(answer["messages"])
            events: list[EventType] = answer["events"]
            return events
        now = datetime.now(UTC)
        session.execute(delete(Call).where(Call.at < now - KEPT))
        events = work(session)
        answer = {"messages": dispatcher.messages, "events": events}
        session.add(Call(key=key, at=now, answer=json.dumps(answer)))
        return events
