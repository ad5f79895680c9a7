"""Actions that nothing calls, and actions that no code is there for."""

from __future__ import annotations

from collections.abc import Iterator

from bot.project.lint.forms import askable, asking
from bot.project.lint.subject import Found, Subject
from bot.project.names import did_you_mean

CONVENTIONS = {
    "action_validate_slot_mappings": "ValidationAction",
    "action_query_knowledge_base": "ActionQueryKnowledgeBase",
}
"""Actions called by their name alone, and the class of rasa-sdk that bears it."""


def check(subject: Subject) -> Iterator[Found]:
    """Actions listed for nothing, and those the project's own code does not know."""
    yield from _unused(subject)
    yield from _without_code(subject)


def _unused(subject: Subject) -> Iterator[Found]:
    if subject.code_is_elsewhere:
        return  # one action may be followed by any other
    used = subject.mentioned("action", "mapping action") | _called_by_name(subject)
    options = (policy.options for policy in subject.project.config.policies)
    used |= {str(value) for each in options for value in each.values()}  # the fallback's, for one
    for name in subject.own_actions:
        if name not in used and subject.code.text.count(name) < 2:  # once where it is defined
            message = f"the action '{name}' is used by no story, rule, form or slot."
            error = subject.at("actions", name, message, "Use it or remove it.")
            yield Found("warning", "action-unused", error)


def _called_by_name(subject: Subject) -> set[str]:
    called = set(CONVENTIONS)
    called |= {f"validate_{form}" for form in subject.domain.forms}
    for form, slot in askable(subject):
        called |= set(asking(form, slot))
    return called


def _without_code(subject: Subject) -> Iterator[Found]:
    if subject.code_is_elsewhere:
        return
    for name in subject.own_actions:
        if not subject.code.may_name(name) and not subject.code.may_name(CONVENTIONS.get(name, "")):
            named = [
                word for word in subject.code.words if word.startswith(("action_", "validate_"))
            ]
            message = f"the action '{name}' is not in the project's code."
            hint = did_you_mean(name, named) or "Its name() must give exactly this name."
            yield Found(
                "warning", "action-without-code", subject.at("actions", name, message, hint)
            )
