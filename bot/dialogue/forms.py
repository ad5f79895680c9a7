"""What a form asks next, and whether it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.dialogue.domain import REQUESTED_SLOT, Domain, Form
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    Event,
    Restarted,
    SlotSet,
    UserUttered,
)
from bot.dialogue.states import LISTEN
from bot.dialogue.tracker import Tracker


def validator(form: Form) -> str:
    """The name of the action that validates ``form``, if the domain lists it."""
    return f"validate_{form.name}"


def needs_validation(tracker: Tracker) -> bool:
    """Whether the user has just answered, and answered the form."""
    loop = tracker.active_loop
    return loop is None or (tracker.latest_action_name == LISTEN and not loop.is_interrupted)


def filled(form: Form, tracker: Tracker) -> dict[str, Any]:
    """The required slots that have a value."""
    values = ((name, tracker.slots.get(name)) for name in form.required_slots)
    return {name: value for name, value in values if value is not None}


def answered(form: Form, tracker: Tracker) -> dict[str, Any]:
    """What the latest message filled of the slots that the form, or its validation, wants."""
    wanted = {*form.required_slots, tracker.requested_slot}
    since = _since_user(tracker.events)
    return {event.name: event.value for event in since if event.name in wanted}


def _since_user(events: Sequence[Event]) -> Iterator[SlotSet]:
    first = 0
    for number in range(len(events) - 1, -1, -1):
        if isinstance(events[number], UserUttered | Restarted):
            first = number
            break
    return (event for event in events[first:] if isinstance(event, SlotSet))


def for_validation(form: Form, tracker: Tracker, candidates: Mapping[str, Any]) -> Tracker:
    """``tracker`` as a validation action wants it: the candidates are its last events."""
    return tracker.apply_all(
        [
            SlotSet(name=REQUESTED_SLOT, value=tracker.requested_slot),
            ActionExecuted(name=form.name),
            *(SlotSet(name=name, value=value) for name, value in candidates.items()),
        ]
    )


def must_reject(
    tracker: Tracker, candidates: Mapping[str, Any], validated: Sequence[Event]
) -> bool:
    """Whether a slot was asked for and the answer held nothing for the form."""
    if tracker.requested_slot is None or candidates:
        return False
    return not any(
        (isinstance(event, SlotSet) and event.name != REQUESTED_SLOT) for event in validated
    )


def is_done(events: Sequence[Event]) -> bool:
    """Whether ``events`` of this run end the form: nothing more is asked, or the loop was ended."""
    if any(isinstance(event, ActionExecutionRejected) for event in events):
        return False
    asked = [e for e in events if isinstance(e, SlotSet) and e.name == REQUESTED_SLOT]
    loops = [e for e in events if isinstance(e, ActiveLoop)]
    return bool((asked and asked[-1].value is None) or (loops and loops[-1].name is None))


def next_slot(form: Form, tracker: Tracker) -> str | None:
    """The first required slot without a value."""
    return next((name for name in form.required_slots if tracker.slots.get(name) is None), None)


def chosen_slot(events: Sequence[Event]) -> str | None:
    """The slot that the validation action chose to be asked for."""
    asked = (e.value for e in events if isinstance(e, SlotSet) and e.name == REQUESTED_SLOT)
    return next((value for value in asked if value), None)


def question(form: Form, slot: str, domain: Domain) -> str | None:
    """The action or response that asks for ``slot``; None when there is none."""
    names = (
        f"action_ask_{form.name}_{slot}",
        f"utter_ask_{form.name}_{slot}",
        f"action_ask_{slot}",
        f"utter_ask_{slot}",
    )
    known = {*domain.actions, *domain.responses}
    return next((name for name in names if name in known), None)
