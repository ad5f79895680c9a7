"""How slots are filled from what the user said.

The order counts: slots as the domain lists them, each one's mappings as written, and the first
mapping that has a value ends the slot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.dialogue.domain import DEFAULT_INTENTS, REQUESTED_SLOT, Domain, Mapping, Slot
from bot.dialogue.events import SlotSet
from bot.dialogue.tracker import Tracker

AUTOMATIC_SLOTS = frozenset(
    {
        REQUESTED_SLOT,
        "session_started_metadata",
        "knowledge_base_listed_objects",
        "knowledge_base_last_object",
        "knowledge_base_last_object_type",
    }
)


@dataclass(frozen=True, slots=True)
class AskAction:
    """A custom mapping's action, to be asked for values of ``slot``."""

    action: str
    slot: str


def extract(tracker: Tracker, domain: Domain) -> Iterator[SlotSet | AskAction]:
    """What the latest message fills, in order; custom mappings come as an AskAction."""
    for slot in domain.slots.values():
        if slot.name not in AUTOMATIC_SLOTS:
            yield from _fill(slot, tracker, domain)


def _fill(slot: Slot, tracker: Tracker, domain: Domain) -> Iterator[SlotSet | AskAction]:
    for mapping in slot.mappings:
        if not _applies(mapping, slot, tracker, domain):
            continue
        if mapping.type == "custom":
            if mapping.action:
                yield AskAction(mapping.action, slot.name)
            continue
        values = _values(mapping, tracker)
        if not values:
            continue
        value = values if slot.type == "list" else values[-1]
        if value is not None or tracker.slots.get(slot.name) is not None:
            yield SlotSet(name=slot.name, value=value)
            return


def _applies(mapping: Mapping, slot: Slot, tracker: Tracker, domain: Domain) -> bool:
    return (
        _is_known(mapping, domain)
        and _intent_fits(mapping, tracker, domain)
        and _conditions_hold(mapping, slot.name, tracker)
        and not _is_ambiguous(mapping, slot.name, tracker, domain)
    )


def _is_known(mapping: Mapping, domain: Domain) -> bool:
    match mapping.type:
        case "from_entity":
            return mapping.entity in domain.entities
        case "from_intent":
            return all(
                intent in domain.intents or intent in DEFAULT_INTENTS for intent in mapping.intent
            )
        case _:
            return True


def _intent_fits(mapping: Mapping, tracker: Tracker, domain: Domain) -> bool:
    intent = tracker.latest_message.intent if tracker.latest_message else None
    if mapping.intent:
        return intent in mapping.intent
    return intent not in (*mapping.not_intent, *_ignored(mapping, tracker, domain))


def _ignored(mapping: Mapping, tracker: Tracker, domain: Domain) -> tuple[str, ...]:
    """The intents that the active form does not listen to, when ``mapping`` is its business."""
    form = domain.forms.get(tracker.loop_name or "")
    if form is None:
        return ()
    loops = {condition.active_loop for condition in mapping.conditions}
    return form.ignored_intents if not loops or form.name in loops else ()


def _conditions_hold(mapping: Mapping, slot: str, tracker: Tracker) -> bool:
    if not mapping.conditions or mapping.type == "from_trigger_intent":
        return True
    loop, requested = tracker.active_loop, tracker.requested_slot
    if loop is not None and loop.rejected and requested == slot:
        return False
    return any(
        condition.active_loop == tracker.loop_name
        and (loop is None or condition.requested_slot in (None, requested))
        for condition in mapping.conditions
    )


def _is_ambiguous(mapping: Mapping, slot: str, tracker: Tracker, domain: Domain) -> bool:
    """Whether an entity could fill several slots of the form, and this one was not asked for."""
    form = domain.forms.get(tracker.loop_name or "")
    if mapping.type != "from_entity" or form is None or tracker.requested_slot == slot:
        return False
    if slot not in form.required_slots:
        return False
    required = (domain.slots[name] for name in form.required_slots if name in domain.slots)
    return sum(other == mapping for each in required for other in each.mappings) != 1


def _values(mapping: Mapping, tracker: Tracker) -> list[Any]:
    message = tracker.latest_message
    match mapping.type:
        case "from_entity":
            return [
                entity.value
                for entity in (message.entities if message else ())
                if (entity.entity, entity.role, entity.group)
                == (mapping.entity, mapping.role, mapping.group)
            ]
        case "from_intent":
            return [mapping.value]
        case "from_trigger_intent":
            loops = {condition.active_loop for condition in mapping.conditions}
            wanted = tracker.loop_name is not None and (not loops or tracker.loop_name in loops)
            return [mapping.value] if wanted else []
        case _:
            return [message.text] if message and message.text is not None else []
