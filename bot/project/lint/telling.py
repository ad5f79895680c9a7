"""Conversations as a person would write their steps, for messages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bot.dialogue.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered
from bot.dialogue.paths import ANYTHING, Told
from bot.dialogue.states import LISTEN, UNSET
from bot.dialogue.tracker import Tracker
from bot.project.report import shortened

MOST_CHARACTERS = 400
ARROW = " → "


def counting(told: Told, blank: Tracker) -> Sequence[int]:
    """The numbers of the events that count: a form's repeated runs are one."""
    return blank.apply_all(told.events).applied


def steps_before(events: Sequence[Event], index: int, window: int | None = None) -> str:
    """The steps before the event at ``index``; with ``window``, those of so many last states."""
    first = 0
    if window is not None:
        actions = [n for n in range(index) if isinstance(events[n], ActionExecuted)]
        first = actions[-window] if len(actions) >= window else 0
    steps = [step for event in events[first:index] if (step := _step(event))]
    steps = [step for step, _ in groupby(steps)]
    text = ARROW.join(steps) or "nothing"
    while len(text) > MOST_CHARACTERS and len(steps) > 2:
        steps = steps[1:]
        text = f"…{ARROW}{ARROW.join(steps)}"
    return text


def _step(event: Event) -> str:
    match event:
        case UserUttered():
            return _said(event)
        case ActionExecuted(name=name, action_text=text):
            if name in (LISTEN, ANYTHING):
                return ""
            return name or f"bot: '{shortened(text or '')}'"
        case SlotSet(name=name, value=value):
            return f"slot {name}: {'null' if value in (None, UNSET) else shortened(str(value))}"
        case ActiveLoop(name=name):
            return f"active_loop: {'null' if name in (None, UNSET) else name}"
        case _:
            return ""


def _said(event: UserUttered) -> str:
    if event.text:
        return f"user: '{shortened(event.text)}'"
    named = ", ".join(
        e.entity + (f"#{e.role or e.group}" if e.role or e.group else "") for e in event.entities
    )
    return f"intent: {event.intent}{f' ({named})' if named else ''}"
