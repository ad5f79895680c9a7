"""Rules that can never fire, or say nothing new."""

from __future__ import annotations

from collections.abc import Iterator

from bot.dialogue.domain import Form, Slot
from bot.dialogue.paths import rule_events
from bot.dialogue.rules import RulePolicy
from bot.dialogue.ruletable import rules_of, told_turns
from bot.dialogue.stories import ActionStep, LoopStep, Story
from bot.dialogue.tracker import blank_tracker
from bot.project.lint.intents import said_intents
from bot.project.lint.subject import Found, Subject, at_story, place_of

FALLBACK_INTENT = "nlu_fallback"


def check(subject: Subject) -> Iterator[Found]:
    """Rules without effect."""
    if subject.policy(RulePolicy.name) is None:
        return  # then no rule has any, and that is said
    for rule in subject.rules:
        yield from _unheard(rule, subject)
        yield from _swallowed(rule, subject)
    yield from _repeated(subject)


def _unreachable(rule: Story, why: str, hint: str) -> Found:
    message = f"the rule '{rule.name}' can never fire: {why}."
    return Found("warning", "rule-unreachable", at_story(rule, message, hint))


def _unheard(rule: Story, subject: Subject) -> Iterator[Found]:
    """Rules on an intent that is never predicted."""
    for intent in sorted(said_intents(rule)):
        if intent == FALLBACK_INTENT and not _falls_back(subject):
            why = f"'{intent}' comes from the FallbackClassifier, which the pipeline lacks"
            yield _unreachable(rule, why, "Add it to the pipeline in config.yml.")
        base = intent.split("/", 1)[0]
        if base != intent and base in subject.domain.intents:
            why = f"the intent of a message is '{base}', what comes behind the slash is its answer"
            yield _unreachable(rule, why, f"Write intent: {base}.")


def _falls_back(subject: Subject) -> bool:
    """Whether something may say that a message was not understood."""
    project = subject.project
    classifier = project.config.component("FallbackClassifier")
    return bool(classifier or subject.own_components or project.endpoints.nlu)


def _swallowed(rule: Story, subject: Subject) -> Iterator[Found]:
    """Rules inside a form that takes every message for an answer."""
    loop = next((s.name for s in reversed(rule.condition) if isinstance(s, LoopStep)), None)
    form = subject.domain.forms.get(loop or "")
    first = next((s.name for s in rule.steps if isinstance(s, ActionStep)), None)
    if form is None or first in (None, form.name) or _may_reject(form, subject):
        return
    for intent in sorted(said_intents(rule)):
        slots = [subject.domain.slots.get(name) for name in form.required_slots]
        asked = [slot for slot in slots if slot is not None and slot.initial_value is None]
        if asked and all(_takes_any_text(slot, form, intent) for slot in asked):
            why = f"the form '{form.name}' takes the words of '{intent}' for an answer"
            hint = (
                f"Add '{intent}' to the form's ignored_intents, or as not_intent to the from_text "
                f"mapping of '{asked[0].name}'."
            )
            yield _unreachable(rule, why, hint)


def _may_reject(form: Form, subject: Subject) -> bool:
    """Whether the form's own action may refuse to run, whatever was said."""
    if f"validate_{form.name}" not in subject.domain.actions:
        return form.name in subject.domain.actions
    return subject.code_is_elsewhere or "ActionExecutionReject" in subject.code.text


def _takes_any_text(slot: Slot, form: Form, intent: str) -> bool:
    return any(
        mapping.type == "from_text"
        and (intent in mapping.intent if mapping.intent else intent not in mapping.not_intent)
        and (bool(mapping.intent) or intent not in form.ignored_intents)
        and (not mapping.conditions or any(c.active_loop == form.name for c in mapping.conditions))
        for mapping in slot.mappings
    )


def _repeated(subject: Subject) -> Iterator[Found]:
    """Rules that another one says already."""
    blank = blank_tracker(subject.domain)
    first: dict[tuple[str, str], Story] = {}
    for rule in subject.rules:
        said = {
            (each.key, each.action)
            for events in rule_events(rule, subject.domain)
            for each in rules_of(told_turns(events, blank, subject.domain))
        }
        before = {id(first[each]): first[each] for each in said if each in first}
        if said and len(before) == 1 and said <= first.keys():
            other = next(iter(before.values()))
            message = f"the rule '{rule.name}' says what the rule '{other.name}' says, in "
            error = at_story(rule, f"{message}{place_of(other)}.", "Remove one.")
            yield Found("warning", "rule-repeated", error)
        for each in said:
            first.setdefault(each, rule)
