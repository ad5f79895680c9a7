"""What events cause outside the conversation: replies to send, reminders to set and to cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.dialogue.calls import call_of
from bot.dialogue.events import BotUttered, Event
from bot.dialogue.messages import Message, Reply
from bot.dialogue.responses import reply
from bot.reminders import changes
from bot.store.base import Cancellation, Reminder

QUEUE = "handoffs"  # what is told when the queue, or whose a conversation is, changes


@dataclass(frozen=True, slots=True)
class Effects:
    """What goes into the log together with the events that cause it."""

    replies: Sequence[Reply]
    reminders: Sequence[Reminder | Cancellation]
    calls: bool = False  # for a person, or no longer


def effects(events: Sequence[Event], message: Message) -> Effects:
    """What ``events`` cause where ``message`` came from: its channel is sent the replies, now and
    when a reminder is due.
    """
    recipient_id = message.conversation_id
    said = (reply(event, recipient_id) for event in events if isinstance(event, BotUttered))
    replies = [each for each in said if each != Reply(recipient_id)]
    return Effects(replies, changes(events, message), calls=call_of(events) is not None)
