"""Forms, run: activate, validate, ask, end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bot.actions.extraction import extract_slots, unless_named
from bot.actions.stage import Stage
from bot.dialogue import forms
from bot.dialogue.domain import REQUESTED_SLOT, Form
from bot.dialogue.events import ActionExecutionRejected, ActiveLoop, Event, SlotSet
from bot.dialogue.tracker import Tracker
from bot.errors import ActionRejected

RunAction = Callable[[str, Tracker, Stage], Awaitable[list[Event]]]


async def run_form(form: Form, tracker: Tracker, stage: Stage, run: RunAction) -> list[Event]:
    """One run of ``form``; ``run`` does the action that asks for a slot.

    Raises ActionRejected when a slot was asked for and the message says nothing to the form.
    """
    if tracker.loop_name == form.name:
        events = await _validated(form, tracker, stage)
        events += await _ask_next(form, tracker, events, stage, run)
    else:
        events = await _activated(form, tracker, stage)
        if not forms.is_done(events):
            events += await _ask_next(form, tracker, events, stage, run)
    if forms.is_done(events):
        events += [ActiveLoop(name=None)]
    return events


async def _activated(form: Form, tracker: Tracker, stage: Stage) -> list[Event]:
    """Start the loop; what is known already is validated, the message is read again for it."""
    started = tracker.apply(ActiveLoop(name=form.name))
    found = await extract_slots(started, stage)
    started = started.apply_all(found)
    validated = await _validate(form, started, forms.filled(form, started), stage)
    return [ActiveLoop(name=form.name), *validated, *unless_named(found, validated)]


async def _validated(form: Form, tracker: Tracker, stage: Stage) -> list[Event]:
    if not forms.needs_validation(tracker):
        return await _validate(form, tracker, {}, stage)
    candidates = forms.answered(form, tracker)
    validated = await _validate(form, tracker, candidates, stage)
    if forms.must_reject(tracker, candidates, validated):
        raise ActionRejected(f"{form.name} asked for {tracker.requested_slot}, got no answer.")
    return validated


async def _validate(
    form: Form, tracker: Tracker, candidates: Mapping[str, Any], stage: Stage
) -> list[Event]:
    if not stage.lists(forms.validator(form)):
        return []
    return await stage.ask(forms.validator(form), forms.for_validation(form, tracker, candidates))


async def _ask_next(
    form: Form, tracker: Tracker, events: Sequence[Event], stage: Stage, run: RunAction
) -> list[Event]:
    if any(isinstance(event, ActionExecutionRejected) for event in events):
        return []
    if forms.is_done(events):
        return [SlotSet(name=REQUESTED_SLOT, value=None)]
    slot = forms.chosen_slot(events)
    so_far = tracker.apply_all(events)
    asked: list[Event] = []
    if slot is None:
        slot = forms.next_slot(form, so_far)
        asked = [SlotSet(name=REQUESTED_SLOT, value=slot)]
    if slot is None:
        return asked
    action = forms.question(form, slot, stage.domain)
    if action is None:
        return asked
    return [*asked, *await run(action, forms.for_validation(form, so_far, {}), stage)]
