"""Reminders: an action asks for an intent to be said later, and whichever server lives says it.

A reminder is a row of the log from the turn that asks for it until it is due; then it becomes a
message in the inbox, in one transaction, and is answered like any other.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import structlog

from bot.dialogue.events import (
    Event,
    ReminderCancelled,
    ReminderScheduled,
    Restarted,
    UserUttered,
)
from bot.dialogue.messages import Message, Reminding
from bot.dialogue.tracker import Tracker
from bot.errors import BadRequest, Unavailable
from bot.external import as_entities, external_message
from bot.services import Services
from bot.store.base import Cancellation, Log, Reminder
from bot.store.checks import check_id

NEWS = "\0reminders"  # where new ones are told of; no conversation is called so
POLL_S = 1.0  # how often to look for reminders whose news did not come
SHORTEST_S, NO_ROOM_S = 0.01, 0.1
MOST_AT_ONCE = 100

log = structlog.get_logger(__name__)


def named(event: Event) -> Event:
    """``event``, with a name of its own if it is a reminder that was given none."""
    if isinstance(event, ReminderScheduled) and not event.name:
        return msgspec.structs.replace(event, name=uuid.uuid4().hex)
    return event


def changes(events: Sequence[Event], message: Message) -> list[Reminder | Cancellation]:
    """What ``events`` set and cancel, for the channel ``message`` came from."""
    found: list[Reminder | Cancellation] = []
    for event in events:
        if isinstance(event, ReminderScheduled | ReminderCancelled):
            try:
                found.append(_change(event, message))
            except (BadRequest, ValueError, OverflowError, OSError) as error:
                log.error("reminder.unreadable", reminder=event.name, error=str(error))
    return found


def _change(
    event: ReminderScheduled | ReminderCancelled, message: Message
) -> Reminder | Cancellation:
    """Raises ValueError and its like when the time is none, BadRequest for entities and names."""
    if isinstance(event, ReminderCancelled):
        which = None if event.entities is None else as_entities(event.entities)
        return Cancellation(event.name, event.intent, which)
    check_id("The reminder's name", event.name or "")
    # A time without a zone is the server's own, as in Rasa.
    due_at = datetime.fromisoformat(event.date_time).timestamp()
    said = external_message(
        message.conversation_id,
        event.intent,
        event.entities,
        channel=message.channel,
        account=message.account,
        message_id=f"reminder:{uuid.uuid4().hex}",
        input_channel=message.input_channel,
        output_channel=message.output_channel,
        reminder=Reminding(event.name or "", event.kill_on_user_msg),
    )
    return Reminder(due_at, said)


async def is_outdated(message: Message, tracker: Tracker, events: Log) -> bool:
    """Whether a reminder means nothing any more: undone by a rewind, an undo or a restart, or
    ended by what the user said since.
    """
    if message.reminder is None:
        return False
    at = _asked(message.reminder, tracker.events)
    if at is not None:
        later = tracker.events[at + 1 :]
        return at not in tracker.applied or _is_ended(message.reminder, later)
    # Asked for in an earlier session, or by events that were replaced.
    history = await events.history(tracker.conversation_id, all_sessions=True)
    later = history.events[(_asked(message.reminder, history.events) or 0) :]
    return _is_ended(message.reminder, later)


def _asked(reminder: Reminding, events: Sequence[Event]) -> int | None:
    """Where the reminder was asked for last."""
    for index in range(len(events) - 1, -1, -1):
        event = events[index]
        if isinstance(event, ReminderScheduled) and event.name == reminder.name:
            return index
    return None


def _is_ended(reminder: Reminding, later: Sequence[Event]) -> bool:
    spoken = any(isinstance(event, UserUttered) and event.text for event in later)
    restarted = any(isinstance(event, Restarted) for event in later)
    return restarted or (spoken and reminder.kill_on_user_msg)


async def ring(parley: Services, see_to: Callable[[str], None], *, room: Callable[[], int]) -> None:
    """Let reminders ring when they are due, for ever.

    ``see_to`` starts work on a conversation; ``room`` says on how many it may be started now, so
    that reminders that are due all at once leave room for users.
    """
    failing = False
    async with parley.news.follow(NEWS) as notes:
        while True:
            wait_s = POLL_S
            try:
                limit = min(max(room(), 0), MOST_AT_ONCE)
                for conversation_id in await parley.log.ring(limit=limit):
                    see_to(conversation_id)
                if (due_at := await parley.log.next_reminder()) is not None:
                    shortest_s = SHORTEST_S if limit else NO_ROOM_S
                    wait_s = min(max(due_at - parley.clock(), shortest_s), POLL_S)
                failing = False
            except Exception as error:
                if not failing:
                    unexpected = not isinstance(error, Unavailable)
                    log.warning("reminders.failing", error=str(error), exc_info=unexpected)
                failing = True
            try:
                async with asyncio.timeout(wait_s):
                    await anext(notes)
            except TimeoutError:
                continue
