"""Whether a bot that fell silent has called for a person, as the events tell that silenced it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.dialogue.events import (
    ActionExecuted,
    ConversationPaused,
    ConversationResumed,
    Event,
    Restarted,
)
from bot.dialogue.tracker import AGENT


@dataclass(frozen=True, slots=True)
class Call:
    """A person is to go on, or with ``wanted`` False the bot does so itself.

    ``by`` is the action that paused the conversation; empty where somebody posted that it is.
    """

    wanted: bool
    by: str = ""


def call_of(events: Sequence[Event]) -> Call | None:
    """What the last of ``events`` that silences the bot, or has it speak again, comes to; None
    where none does. A person who takes over has been called already."""
    call, action = None, ""
    for event in events:
        match event:
            case ActionExecuted(name=name):
                action = name or ""
            case ConversationPaused(metadata=metadata) if AGENT not in metadata:
                call = Call(True, action)
            case ConversationResumed() | Restarted():
                call = Call(False)
            case _:
                pass
    return call
