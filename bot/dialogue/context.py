"""What a message is understood in: what the bot said and asked, what the user wrote before."""

from __future__ import annotations

from itertools import islice

from bot.dialogue.events import UserUttered
from bot.dialogue.tracker import Tracker
from nlu.parse import Context

TURNS = 8  # of the user's that are told; models read fewer


def context_of(tracker: Tracker) -> Context:
    """The context of a message that comes after the events of ``tracker``.

    What was sent as a payload, by a button say, are no words of the user's.
    """
    said = (event.text for event in reversed(tracker.events) if isinstance(event, UserUttered))
    typed = (text for text in said if text and not text.startswith("/"))
    return Context(tracker.bot_text, tracker.requested_slot, tuple(islice(typed, TURNS)))
