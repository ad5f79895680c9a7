"""RulePolicy: fixed paths, loops and the fallback.

What it decides by, first to last: a rule on the user's very words; restart, back and session
start; the active loop, unless it refused; a rule on the words; a rule on the intent; else the
fallback with a low confidence. Semantics of Rasa Open Source 3.6's policy of this name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.dialogue.domain import Domain
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    Event,
    LoopInterrupted,
)
from bot.dialogue.paths import ANYTHING, rule_events, story_events
from bot.dialogue.policy import LISTEN, Prediction, as_sure_as_nlu
from bot.dialogue.ruletable import (
    RuleTable,
    only_in_rules,
    rules_of,
    told_turns,
    unhappy_paths,
)
from bot.dialogue.states import UNSET, State, by_intent, by_text, visible
from bot.dialogue.stories import Story
from bot.dialogue.tracker import Tracker, blank_tracker

DEFAULT_ACTION_OF = {
    "restart": "action_restart",
    "back": "action_back",
    "session_start": "action_session_start",
}
# Of equally sure actions Rasa takes the first in its list; these come before the fallback.
BEFORE_FALLBACK = (LISTEN, "action_restart", "action_session_start")
LOOP_RUNS, LOOP_LISTENS, BY_DEFAULT = "loop runs ", "loop listens ", "by default "


@dataclass(frozen=True, slots=True)
class _Found:
    """What the rules say, and which rule said it."""

    action: str | None = None
    source: str = ""
    unvalidated: bool = False


class RulePolicy:
    """Does what rules say, runs loops, falls back.

    Args:
        rules: The project's rules.
        stories: Its stories; they tell which of the rules' turns and slots other policies
            know of, and where a story leaves a loop's path.
        domain: The project's domain.
        fallback_threshold: The confidence of the fallback; None switches it off.
        fallback_action: What to do when nothing else is more certain.
        nlu_confidence: Be as sure as NLU was of the intent, not wholly.
    """

    name = "RulePolicy"
    priority = 4

    def __init__(
        self,
        rules: Sequence[Story],
        stories: Sequence[Story],
        domain: Domain,
        *,
        fallback_threshold: float | None = 0.3,
        fallback_action: str = "action_default_fallback",
        nlu_confidence: bool = False,
    ) -> None:
        self._nlu_confidence = nlu_confidence
        self._fallback: dict[str, float] = {}
        if fallback_threshold is not None:
            self._fallback = {fallback_action: fallback_threshold}
        blank = blank_tracker(domain)
        ruled = [told for rule in rules for told in rule_events(rule, domain)]
        storied = list(story_events(stories, domain))
        rule_turns = [turn for told in ruled for turn in told_turns(told, blank, domain)]
        start = Tracker.start("", domain)  # stories, unlike rules, begin with initial values
        story_turns = [turn for told in storied for turn in told_turns(told, start, domain)]
        self._rules = RuleTable(rules_of(rule_turns))
        self._unhappy = RuleTable(unhappy_paths([*rule_turns, *story_turns]))
        self.only_in_rules = only_in_rules(rule_turns, story_turns)
        self._only_in_rules: frozenset[str] = frozenset()
        ruled_sources = _habits(domain) | _sources(self, ruled, blank, domain, only_right=False)
        self._only_in_rules = ruled_sources - _sources(
            self, storied, start, domain, only_right=True
        )

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        prediction, source = self.explain(tracker, domain)
        if self._nlu_confidence and source:
            return self._as_sure_as_nlu(prediction, tracker)
        return prediction

    def explain(self, tracker: Tracker, domain: Domain) -> tuple[Prediction, str]:
        """The prediction, and the key of the rule or the habit that made it; "" for none."""
        listening = tracker.latest_action_name == LISTEN
        said = tracker.latest_message
        worded = _Found()
        if listening and said and said.text:
            worded = self._from_rules(tracker, domain, words=True)
        # What paused the conversation may have done so without listening; a restart wakes it.
        asked = said.intent if said and (listening or tracker.paused) else None
        if not worded.action and asked in DEFAULT_ACTION_OF:
            action = DEFAULT_ACTION_OF[asked]
            return self._certain(action, BY_DEFAULT + action), BY_DEFAULT + action
        if (happy := _happy_loop(tracker)) is not None:
            action, source = happy
            return self._certain(action, source, is_no_user=True), source
        if worded.action:
            literal = self._certain(worded.action, worded.source, is_end_to_end=True)
            return literal, worded.source
        found = self._from_rules(tracker, domain, words=False)
        events = (LoopInterrupted(is_interrupted=True),) if found.unvalidated else ()
        if found.action:
            return self._certain(found.action, found.source, events=events), found.source
        return self._unsure(events), ""

    def _as_sure_as_nlu(self, prediction: Prediction, tracker: Tracker) -> Prediction:
        """``prediction``, or the fallback where that is surer than NLU was."""
        unsure = as_sure_as_nlu(prediction, tracker)
        scores = {**self._fallback, **(unsure.scores or {})}
        for fallback, score in self._fallback.items():
            comes_first = score == unsure.confidence and unsure.action not in BEFORE_FALLBACK
            if score > unsure.confidence or comes_first:
                unsure = replace(unsure, action=fallback, confidence=score, is_fallback=True)
                break
        return replace(unsure, scores=scores)

    def _certain(
        self,
        action: str,
        source: str,
        *,
        events: tuple[Event, ...] = (),
        is_no_user: bool = False,
        is_end_to_end: bool = False,
    ) -> Prediction:
        return Prediction(
            action,
            1.0,
            self.name,
            self.priority,
            scores={**self._fallback, action: 1.0},
            events=events,
            is_no_user=is_no_user,
            is_end_to_end=is_end_to_end,
            hide_rule_turn=source in self._only_in_rules,
        )

    def _unsure(self, events: tuple[Event, ...]) -> Prediction:
        action, score = next(iter(self._fallback.items()), (LISTEN, 0.0))
        return Prediction(
            action,
            score,
            self.name,
            self.priority,
            scores=self._fallback,
            events=events,
            is_fallback=True,
        )

    def _from_rules(self, tracker: Tracker, domain: Domain, *, words: bool) -> _Found:
        states = _seen(tracker, domain, words=words)
        matching = self._rules.matching(states)
        rule = max(matching, key=lambda each: len(each.key), default=None)
        if tracker.loop_name in (None, UNSET):
            return _Found(rule.action, rule.key) if rule else _Found()
        unhappy = {each.action for each in self._unhappy.matching(states)}
        if rule and rule.action == LISTEN and rule.is_general:
            # A rule that knows nothing of the loop is done; the loop asks again, unless it is told.
            if "do not run" not in unhappy:
                return _Found(tracker.loop_name, LOOP_RUNS + tracker.loop_name)
            rule = None
        action, source = (rule.action, rule.key) if rule else (None, "")
        return _Found(action, source, unvalidated="do not validate" in unhappy)


def _seen(tracker: Tracker, domain: Domain, *, words: bool) -> tuple[State, ...]:
    now = by_text(tracker.now) if words else by_intent(tracker.now)
    return (*tracker.past, visible(now, domain))


def _happy_loop(tracker: Tracker) -> tuple[str, str] | None:
    """What the active loop wants, as long as it has not refused; and why."""
    loop = tracker.active_loop
    if loop is None or loop.name == UNSET or loop.rejected:
        return None
    if tracker.latest_action_name == loop.name:
        return LISTEN, LOOP_LISTENS + loop.name
    return loop.name, LOOP_RUNS + loop.name


def _habits(domain: Domain) -> frozenset[str]:
    """What the policy does in every project, whatever its rules say."""
    loops = (habit + form for form in domain.forms for habit in (LOOP_RUNS, LOOP_LISTENS))
    return frozenset((*loops, *(BY_DEFAULT + action for action in DEFAULT_ACTION_OF.values())))


def _sources(
    policy: RulePolicy,
    conversations: Iterable[Sequence[Event]],
    blank: Tracker,
    domain: Domain,
    *,
    only_right: bool,
) -> frozenset[str]:
    """The rules and habits that speak as ``conversations`` go; ``only_right``: as they were told.

    Only what counts in the end is told: a loop's repeated runs are one. Where something else is
    told than that the loop runs, the loop has refused, until it is told to run again.
    """
    found: set[str] = set()
    for told in conversations:
        tracker, unforeseeable = blank, True
        for index in blank.apply_all(told).applied:
            event = told[index]
            if isinstance(event, ActionExecuted):
                if not unforeseeable and event.name != ANYTHING:
                    prediction, source = policy.explain(tracker, domain)
                    if tracker.loop_name == prediction.action != event.name:
                        tracker = tracker.apply(ActionExecutionRejected(name=prediction.action))
                        prediction, source = policy.explain(tracker, domain)
                    if source and (not only_right or prediction.action == event.name):
                        found.add(source)
                unforeseeable = event.name == ANYTHING
            tracker = tracker.apply(event)
    return frozenset(found)
