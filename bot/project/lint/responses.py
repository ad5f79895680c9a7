"""Responses that nothing says, actions that say nothing, and places nothing fills."""

from __future__ import annotations

from collections.abc import Iterator

from bot.project.lint.forms import askable, asking
from bot.project.lint.subject import Found, Subject
from bot.project.names import did_you_mean
from bot.project.references import retrieval_intents

DEFAULT_RESPONSES = frozenset(
    ("utter_restart", "utter_default", "utter_back", "utter_ask_rephrase")
)


def check(subject: Subject) -> Iterator[Found]:
    """Responses defined for nothing, and those that are missing something."""
    yield from _unused(subject)
    yield from _missing(subject)
    yield from _variables(subject)


def _unused(subject: Subject) -> Iterator[Found]:
    used = subject.mentioned("action", "mapping action") | DEFAULT_RESPONSES
    for form, slot in askable(subject):
        used |= set(asking(form, slot))
    answered = {*retrieval_intents(subject.project.nlu)}
    answered |= {entry.name.partition("/")[0] for entry in subject.project.faq}
    for name in subject.reading.domain.responses:
        base = name.removeprefix("utter_").split("/", 1)[0]
        if name in used or subject.code.may_say(name) or ("/" in name and base in answered):
            continue
        message = f"the response '{name}' is used by no story, rule, form or action"
        if subject.code_is_elsewhere:
            message += " here; the code of the actions is not in the project"
        error = subject.at("responses", name, f"{message}.", "Use it or remove it.")
        yield Found(subject.unless_said, "response-unused", error)


def _missing(subject: Subject) -> Iterator[Found]:
    answered = retrieval_intents(subject.project.nlu)
    for name in subject.domain.actions:
        if not name.startswith("utter_") or name in subject.domain.responses:
            continue
        if name.removeprefix("utter_") not in answered:
            message = f"the action '{name}' has no response of this name."
            hint = did_you_mean(name, subject.domain.responses) or "Add it under responses."
            yield Found("warning", "response-missing", subject.at("actions", name, message, hint))


def _variables(subject: Subject) -> Iterator[Found]:
    known = {*subject.domain.slots, *subject.reading.domain.named("slots")}
    told = {f"the response '{name}'" for name in subject.mentioned("action")}
    for mention in subject.mentions("variable"):
        if mention.name in known or mention.name in subject.code.words:
            continue
        message = f"{mention.by} has a place for '{mention.name}', which is no slot."
        hint = (
            did_you_mean(mention.name, known) or "Define it under slots, unless an action gives it."
        )
        # A response that no story says is said by an action, which may fill the place.
        severity = "warning" if mention.by in told else subject.unless_said
        yield Found(severity, "variable-unknown", mention.node.wrong(message, hint))
