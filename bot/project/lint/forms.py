"""Forms that cannot ask, slots that their forms cannot fill."""

from __future__ import annotations

from collections.abc import Iterator

from bot.dialogue.domain import Form, Mapping
from bot.project.lint.subject import Found, Subject


def check(subject: Subject) -> Iterator[Found]:
    """Forms that ask in vain, that nobody starts, and slots that wait for a form in vain."""
    started = subject.mentioned("action", "loop")
    for form in subject.domain.forms.values():
        if form.name not in started and not subject.code.may_name(form.name):
            message = f"no story, rule or action starts the form '{form.name}'."
            error = subject.at("forms", form.name, message, "Start it with a rule, or remove it.")
            yield Found("warning", "form-unused", error)
        yield from _questions(form, subject)
        yield from _mappings(form, subject)
    yield from _conditions(subject)


def asking(form: str, slot: str) -> tuple[str, ...]:
    """The names that ask for a slot, the first known one is taken."""
    return (
        f"action_ask_{form}_{slot}",
        f"utter_ask_{form}_{slot}",
        f"action_ask_{slot}",
        f"utter_ask_{slot}",
    )


def askable(subject: Subject) -> Iterator[tuple[str, str]]:
    """Each form with each slot it may ask for: those its validation action may add, too."""
    for form in subject.domain.forms.values():
        yield from ((form.name, slot) for slot in form.required_slots)
        if f"validate_{form.name}" in subject.domain.actions:
            yield from ((form.name, s) for s in subject.domain.slots if subject.code.may_name(s))


def _questions(form: Form, subject: Subject) -> Iterator[Found]:
    domain = subject.domain
    known = {*domain.actions, *domain.responses}
    if known & {form.name, f"validate_{form.name}"}:
        return  # an action of its own may ask
    if not form.required_slots:
        message = f"the form '{form.name}' asks for nothing."
        hint = "List its slots under required_slots."
        yield Found("warning", "form-empty", subject.at("forms", form.name, message, hint))
    for slot in form.required_slots:
        defined = domain.slots.get(slot)
        if defined is not None and defined.initial_value is not None:
            continue  # it is not asked for
        if not known & set(asking(form.name, slot)):
            message = f"the form '{form.name}' has no way to ask for '{slot}'."
            hint = f"Add the response utter_ask_{slot}."
            yield Found(
                "warning", "form-slot-not-asked", subject.at("forms", form.name, message, hint)
            )


def _mappings(form: Form, subject: Subject) -> Iterator[Found]:
    """Required slots that nothing fills while the form is active."""
    if f"validate_{form.name}" in subject.domain.actions:
        return  # it may fill them
    for name in form.required_slots:
        slot = subject.domain.slots.get(name)
        if slot is None or slot.initial_value is not None:
            continue
        if any(_works_in(form, mapping) for mapping in slot.mappings):
            continue
        message = f"nothing fills the slot '{name}' while the form '{form.name}' asks for it."
        hint = "Give the slot a mapping without conditions, or one with this form as active_loop."
        yield Found("warning", "form-slot-not-filled", subject.at("slots", name, message, hint))


def _works_in(form: Form, mapping: Mapping) -> bool:
    return not mapping.conditions or any(c.active_loop == form.name for c in mapping.conditions)


def _conditions(subject: Subject) -> Iterator[Found]:
    """Slots whose mappings wait for a form that does not ask for them."""
    forms = subject.domain.forms
    for slot in subject.reading.domain.slots.values():
        # What a form's trigger fills need not be asked for.
        mappings = [m for m in slot.mappings if m.type != "from_trigger_intent"]
        waited = {c.active_loop for m in mappings for c in m.conditions if c.active_loop}
        for name in sorted(waited & forms.keys()):
            if slot.name in forms[name].required_slots:
                continue
            message = (
                f"a mapping of the slot '{slot.name}' waits for the form '{name}', "
                f"whose required_slots do not list it."
            )
            dynamic = f"validate_{name}" in subject.domain.actions
            hint = f"List it under required_slots of '{name}'."
            if dynamic:
                hint = f"That is well if validate_{name} asks for it."
            error = subject.at("slots", slot.name, message, hint)
            yield Found("note" if dynamic else "warning", "slot-not-of-form", error)
