"""Rules that contradict stories, or other rules.

Every story and rule is told to the policy that knows the rules; where it would do something
else than is told, one of them is wrong. Rasa refuses to train then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.dialogue.domain import Domain
from bot.dialogue.events import ActionExecuted, ActionExecutionRejected
from bot.dialogue.paths import ANYTHING, Told, rule_events, told_stories
from bot.dialogue.rules import DEFAULT_ACTION_OF, RulePolicy
from bot.dialogue.states import LISTEN
from bot.dialogue.stories import Story
from bot.dialogue.tracker import Tracker, blank_tracker
from bot.project.lint.subject import Found, Subject, at_story, kind_of, place_of
from bot.project.lint.telling import counting, steps_before


@dataclass(frozen=True, slots=True)
class _Moment:
    """At ``index`` of ``told``: the action told, the one that rules predict, what makes them."""

    told: Told
    index: int
    action: str
    predicted: str
    key: str

    @property
    def is_by_rule(self) -> bool:
        """Whether a rule predicts it, not a habit, as forms and the intent restart have one."""
        return self.key.startswith("[")  # the states of a rule, as JSON


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Where another action is told than is predicted, and a rule behind the prediction."""

    moment: _Moment
    rule: Story

    @property
    def story(self) -> Story:
        """The story or rule that tells otherwise."""
        return self.moment.told.teller(self.moment.index)


def check(subject: Subject) -> Iterator[Found]:
    """Each pair of rule and story, or rule and rule, at its first contradiction."""
    policy = subject.policy(RulePolicy.name)
    if policy is None or not policy.options.get("check_for_contradictions", True):
        return
    known: set[tuple[str, str]] = set()
    for found in contradictions(subject.rules, subject.stories, subject.domain):
        pair = (place_of(found.story), place_of(found.rule))
        if pair not in known:
            known.add(pair)
            yield _found(found)


def contradictions(
    rules: list[Story], stories: list[Story], domain: Domain
) -> Iterator[Contradiction]:
    """Every action told by rules and stories that the rules would not take."""
    if not rules:
        return
    policy = RulePolicy(rules, stories, domain, fallback_threshold=None)
    blank = blank_tracker(domain)
    ruled = [Told(events, ((0, r),)) for r in rules for events in rule_events(r, domain)]
    moments = [m for told in ruled for m in _moments(policy, told, blank, domain)]
    # What no rule goes through, the asking of a form that only stories know for one, is free.
    authors: dict[str, list[_Moment]] = {}
    for moment in moments:
        authors.setdefault(moment.key, []).append(moment)
    start = Tracker.start("", domain)
    for told in told_stories(stories, domain):
        moments += _moments(policy, told, start, domain)
    for moment in moments:
        if moment.predicted == moment.action or moment.key not in authors:
            continue
        agreeing = [m for m in authors[moment.key] if m.predicted == m.action]
        if agreeing or not moment.is_by_rule:
            author = (agreeing or authors[moment.key])[0]
            yield Contradiction(moment, author.told.teller(author.index))


def _moments(policy: RulePolicy, told: Told, blank: Tracker, domain: Domain) -> Iterator[_Moment]:
    """The actions of ``told`` that the rules have something to say about."""
    tracker, unforeseeable = blank, True
    for index in counting(told, blank):
        event = told.events[index]
        if isinstance(event, ActionExecuted):
            if not unforeseeable and event.name != ANYTHING:
                action = event.name or event.action_text or ""
                predicted, key = _predicted(policy, tracker, action, domain)
                if predicted:
                    yield _Moment(told, index, action, predicted, key or predicted)
            unforeseeable = event.name == ANYTHING
        tracker = tracker.apply(event)


def _predicted(
    policy: RulePolicy, tracker: Tracker, action: str, domain: Domain
) -> tuple[str, str]:
    """What the rules say and which one; "" where they have nothing to say.

    A story may tell what happens when a loop refuses to run, so one more time without it.
    """
    prediction, key = policy.explain(tracker, domain)
    loop = tracker.loop_name
    if loop is not None and prediction.action == loop != action:
        tracker = tracker.apply(ActionExecutionRejected(name=loop))
        prediction, key = policy.explain(tracker, domain)
    return (prediction.action if prediction.confidence > 0 else ""), key


def _found(found: Contradiction) -> Found:
    moment, story = found.moment, found.story
    message = (
        f"{kind_of(story)} '{story.name}' {_does(moment.action)} where {_author(found)} "
        f"{_does(moment.predicted)}, after: {steps_before(moment.told.events, moment.index)}."
    )
    hint = "Let both do the same, or give the rule a condition."
    return Found("error", "rule-conflict", at_story(story, message, hint))


def _author(found: Contradiction) -> str:
    if found.moment.predicted in DEFAULT_ACTION_OF.values():
        return "the bot, whatever rules say,"
    if found.rule is found.story:
        return "the active form"
    return f"the rule '{found.rule.name}' ({place_of(found.rule)})"


def _does(action: str) -> str:
    return "waits for the user" if action == LISTEN else f"goes on with '{action}'"
