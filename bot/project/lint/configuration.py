"""Policies that are missing for what the project tells, and a fallback that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from bot.dialogue.domain import DEFAULT_ACTIONS
from bot.dialogue.rules import RulePolicy
from bot.errors import ProjectError
from bot.project.lint.stories import LEARNERS
from bot.project.lint.subject import Found, Subject, at_story
from bot.project.names import did_you_mean

FALLBACK = "core_fallback_action_name"


def check(subject: Subject) -> Iterator[Found]:
    """What config.yml leaves without effect, or names in vain."""
    policies = subject.project.config.policies
    if not any("." in policy.name for policy in policies):  # one's own may do anything
        yield from _missing(subject)
    yield from _fallback(subject)
    yield from _action_server(subject)


def _missing(subject: Subject) -> Iterator[Found]:
    if subject.policy(RulePolicy.name) is None:
        if subject.rules:
            rule = subject.rules[0]
            message = f"the rule '{rule.name}', as any rule, needs the policy RulePolicy."
            hint = "List it under policies in config.yml."
            yield Found("warning", "policy-missing", at_story(rule, message, hint))
        elif subject.domain.forms:
            form = next(iter(subject.domain.forms))
            message = f"the form '{form}', as any form, needs the policy RulePolicy."
            error = subject.at("forms", form, message, "List it under policies in config.yml.")
            yield Found("warning", "policy-missing", error)
    if subject.stories and subject.policy(*LEARNERS) is None:
        story = subject.stories[0]
        message = f"the story '{story.name}', as any story, is read by no policy of config.yml."
        hint = f"List one of {', '.join(LEARNERS)} under policies."
        yield Found("warning", "policy-missing", at_story(story, message, hint))


def _fallback(subject: Subject) -> Iterator[Found]:
    """The action that Rasa does not train without."""
    policy = subject.policy(RulePolicy.name)
    name = None if policy is None else policy.options.get(FALLBACK)
    if name is None or (policy and not policy.options.get("enable_fallback_prediction", True)):
        return
    domain = subject.domain
    known = {*DEFAULT_ACTIONS, *domain.actions, *domain.responses, *domain.forms}
    if str(name) not in known:
        message = f"{FALLBACK} is '{name}', which the domain does not define."
        hint = did_you_mean(str(name), known) or "List it under actions."
        error = ProjectError(message, file="config.yml", suggestion=hint)
        yield Found("error", "fallback-unknown", error)


def _action_server(subject: Subject) -> Iterator[Found]:
    """Actions with neither code nor a server: worth a word, since a start may name a server."""
    if not subject.code_is_elsewhere or subject.project.endpoints.action_endpoint is not None:
        return
    first = subject.own_actions[0]
    message = f"the action '{first}' has no code here, and endpoints.yml names no action server."
    hint = "Name one under action_endpoint, or put the code into actions.py."
    yield Found("note", "no-action-server", subject.at("actions", first, message, hint))
