"""Slots that nothing fills, nothing reads, or that are told values they cannot have."""

from __future__ import annotations

from collections.abc import Iterator

from bot.dialogue.domain import Slot
from bot.dialogue.slots import AUTOMATIC_SLOTS
from bot.dialogue.states import OTHER, SlotShape, feature
from bot.dialogue.stories import CheckpointStep, OrStep, SlotStep, Story
from bot.project.lint.subject import Found, Subject, at_story, kind_of
from bot.project.names import did_you_mean


def check(subject: Subject) -> Iterator[Found]:
    """Slots without values, without use, and values that are not among a slot's."""
    yield from _without_values(subject)
    yield from _unused(subject)
    yield from _told_values(subject)


def _without_values(subject: Subject) -> Iterator[Found]:
    for slot in subject.reading.domain.slots.values():
        if slot.type == "categorical" and not slot.values:
            message = f"the categorical slot '{slot.name}' has no values."
            error = subject.at("slots", slot.name, message, "List them under values.")
            yield Found("warning", "slot-without-values", error)


def _unused(subject: Subject) -> Iterator[Found]:
    if subject.code_is_elsewhere:
        return  # it may read any of them
    used = subject.mentioned("slot", "form slot", "variable")
    for slot in subject.reading.domain.slots.values():
        if slot.name in used or slot.name in AUTOMATIC_SLOTS:
            continue
        if subject.code.may_name(slot.name) or _is_seen(slot, subject):
            continue
        message = f"the slot '{slot.name}' is used by no form, response, story, rule or action."
        error = subject.at("slots", slot.name, message, "Use it or remove it.")
        yield Found("warning", "slot-unused", error)


def _is_seen(slot: Slot, subject: Subject) -> bool:
    """Whether policies tell conversations apart by it: stories tell of what fills it."""
    if feature(SlotShape.of(slot), _sample(slot)) is None:
        return False
    told = subject.told_entities
    return any(mapping.entity in told for mapping in slot.mappings)


def _sample(slot: Slot) -> object:
    if slot.type == "categorical":
        return next(iter(slot.values), "x")
    return {"bool": True, "float": slot.max_value, "list": ["x"]}.get(slot.type, "x")


def _told_values(subject: Subject) -> Iterator[Found]:
    for story in subject.project.stories:
        for step in _slot_steps(story):
            slot = subject.domain.slots.get(step.name)
            if slot is None or not step.has_value or step.value is None:
                continue
            if slot.type == "categorical" and slot.values and not _is_listed(step.value, slot):
                known = [str(value) for value in slot.values]
                message = (
                    f"{kind_of(story)} '{story.name}' sets the slot '{slot.name}' to "
                    f"'{step.value}', which is not among its values."
                )
                hint = did_you_mean(str(step.value), known, "Values")
                yield Found("warning", "slot-value", at_story(story, message, hint))


def _is_listed(value: object, slot: Slot) -> bool:
    wanted = str(value).lower()
    return wanted == OTHER or wanted in (str(known).lower() for known in slot.values)


def _slot_steps(story: Story) -> Iterator[SlotStep]:
    for step in (*story.condition, *story.steps):
        match step:
            case SlotStep():
                yield step
            case CheckpointStep(slots=slots):
                yield from slots
            case OrStep(choices=choices):
                for choice in choices:
                    if isinstance(choice, tuple):
                        yield from choice
