"""RulePolicy: fixed paths, loops and the fallback.

What it decides by, first to last: a rule on the user's very words; restart, back and session
start; the active loop, unless it refused; a rule on the words; a rule on the intent; else the
fallback with a low confidence. Semantics of Rasa Open Source 3.6's policy of this name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.dialogue.domain import Domain
from bot.dialogue.events import ActionExecuted, Event, LoopInterrupted
from bot.dialogue.paths import ANYTHING, rule_events, story_events
from bot.dialogue.policy import LISTEN, Prediction
from bot.dialogue.states import UNSET, State, as_dict, by_intent, by_text, visible
from bot.dialogue.stories import Story
from bot.dialogue.tracker import Tracker, blank_tracker

DEFAULT_ACTION_OF = {
    "restart": "action_restart",
    "back": "action_back",
    "session_start": "action_session_start",
}
LOOP_RUNS, LOOP_LISTENS = "loop runs", "loop listens"

Unhappy = Literal["do not validate", "do not run"]


@dataclass(frozen=True, slots=True)
class Rule:
    """States that must have been, the latest last, and the action that follows them."""

    states: tuple[State, ...]
    action: str
    key: str  # the states as JSON: of several that match, the longest counts

    @property
    def is_general(self) -> bool:
        """Whether it says nothing of a loop."""
        return self.states[-1].loop in (None, UNSET)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the rules say, and which rule said it."""

    action: str | None = None
    source: str = ""
    unvalidated: bool = False


class RuleTable:
    """Rules, found by the action that went before the last state."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._by_action: dict[str | None, dict[str, Rule]] = {}
        for rule in rules:
            self._by_action.setdefault(rule.states[-1].action, {})[rule.key] = rule

    def matching(self, states: Sequence[State]) -> list[Rule]:
        """The rules whose states the last of ``states`` fulfil."""
        candidates = self._by_action.get(states[-1].action, {}).values()
        return [rule for rule in candidates if _holds(rule.states, states)]


class RulePolicy:
    """Does what rules say, runs loops, falls back.

    Args:
        rules: The project's rules.
        stories: Its stories; they tell which of the rules' turns and slots other policies
            know of, and where a story leaves a loop's path.
        domain: The project's domain.
        fallback_threshold: The confidence of the fallback; None switches it off.
        fallback_action: What to do when nothing else is more certain.
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
    ) -> None:
        self._fallback: dict[str, float] = {}
        if fallback_threshold is not None:
            self._fallback = {fallback_action: fallback_threshold}
        blank = blank_tracker(domain)
        ruled = [told for rule in rules for told in rule_events(rule, domain)]
        storied = list(story_events(stories, domain))
        rule_turns = [turn for told in ruled for turn in _turns(told, blank, domain)]
        story_turns = [turn for told in storied for turn in _turns(told, blank, domain)]
        self._rules = RuleTable(_rules(rule_turns))
        self._unhappy = _unhappy_paths([*rule_turns, *story_turns])
        self._unhappy_rules = RuleTable(self._unhappy)
        self.only_in_rules = _only_in_rules(rule_turns, story_turns)
        self._hidden: frozenset[str] = frozenset()
        ran = _sources(self, ruled, blank, domain, only_right=False)
        self._hidden = ran - _sources(self, storied, blank, domain, only_right=True)

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        return self._predict(tracker, domain)[0]

    def _predict(self, tracker: Tracker, domain: Domain) -> tuple[Prediction, str]:
        listening = tracker.latest_action_name == LISTEN
        said = tracker.latest_message
        worded = _Found()
        if listening and said and said.text:
            worded = self._from_rules(tracker, domain, words=True)
        if listening and not worded.action and said and said.intent in DEFAULT_ACTION_OF:
            return self._certain(DEFAULT_ACTION_OF[said.intent], "default action"), ""
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
            hide_rule_turn=source in self._hidden,
        )

    def _unsure(self, events: tuple[Event, ...]) -> Prediction:
        action, score = next(iter(self._fallback.items()), (LISTEN, 0.0))
        return Prediction(
            action, score, self.name, self.priority, scores=self._fallback, events=events
        )

    def _from_rules(self, tracker: Tracker, domain: Domain, *, words: bool) -> _Found:
        states = _seen(tracker, domain, words=words)
        matching = self._rules.matching(states)
        rule = max(matching, key=lambda each: len(each.key), default=None)
        if tracker.loop_name is None:
            return _Found(rule.action, rule.key) if rule else _Found()
        unhappy = {each.action for each in self._unhappy_rules.matching(states)}
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
    if loop is None or loop.rejected:
        return None
    if tracker.latest_action_name == loop.name:
        return LISTEN, LOOP_LISTENS + loop.name
    return loop.name, LOOP_RUNS + loop.name


def _holds(rule: Sequence[State], states: Sequence[State]) -> bool:
    """Whether ``states`` end in ``rule``; a rule that begins with the start needs exactly that."""
    if len(rule) > len(states):
        return False
    last = len(states) - 1
    for back, wanted in enumerate(reversed(rule)):
        state = states[last - back]
        starts = wanted.action is None, state.action is None
        if all(starts):
            return True
        if any(starts) or not _fits(wanted, state):
            return False
    return True


def _fits(wanted: State, state: State) -> bool:
    if wanted.action is not None and wanted.action != state.action:
        return False
    if wanted.loop == UNSET:
        if state.loop not in (None, UNSET):
            return False
    elif wanted.loop is not None and wanted.loop != state.loop:
        return False
    return _user_fits(wanted, state) and _slots_fit(wanted, state)


def _user_fits(wanted: State, state: State) -> bool:
    if (user := wanted.user) is None:
        return True
    said = state.user
    return said is not None and (
        (not user.intent or user.intent == said.intent)
        and (not user.text or user.text == said.text)
        and (not user.entities or user.entities == said.entities)
    )


def _slots_fit(wanted: State, state: State) -> bool:
    for name, value in wanted.slots.items():
        found = state.slots.get(name)
        if value == UNSET:
            if found not in (None, UNSET):
                return False
        elif found != value:
            return False
    return True


# What is learnt from rules and stories

_Turn = tuple[tuple[State, ...], str]  # the states before an action, and the action


def _turns(events: Iterable[Event], blank: Tracker, domain: Domain) -> list[_Turn]:
    """Every action told in ``events`` with the states before it."""
    turns: list[_Turn] = []
    tracker = blank
    seen: tuple[State, ...] = ()
    for event in events:
        if isinstance(event, ActionExecuted):
            now = visible(tracker.now, domain)
            seen = (*seen[: len(tracker.past)], now)
            turns.append((seen, event.name or event.action_text or ""))
        tracker = tracker.apply(event)
    return turns


def _rules(turns: Iterable[_Turn]) -> list[Rule]:
    rules: dict[str, Rule] = {}
    for states, action in turns:
        told = _since_anything(states)
        if told and action != ANYTHING:
            key = _key(told)
            rules[key] = Rule(told, action, key)
    return list(rules.values())


def _since_anything(states: tuple[State, ...]) -> tuple[State, ...]:
    first = next((n + 1 for n in range(len(states) - 1, -1, -1) if states[n].action == ANYTHING), 0)
    return states[first:]


def _key(states: Sequence[State]) -> str:
    return json.dumps([as_dict(state) for state in states], sort_keys=True)


def _unhappy_paths(turns: Iterable[_Turn]) -> list[Rule]:
    """Where rules and stories leave a loop's path, and what the loop must then not do."""
    paths: dict[str, Rule] = {}
    for states, action in turns:
        last = states[-1]
        if last.loop in (None, UNSET):
            continue
        if len(states) > 1 and states[-2].action is not None:
            told = _since_anything((State(action=states[-2].action), last))
        else:
            told = _since_anything((last,))
        verdict: Unhappy | None = None
        if last.action == LISTEN and action == last.loop:
            verdict = "do not validate"
        elif last.action != LISTEN and action != last.loop:
            verdict = "do not run"
        if told and verdict is not None:
            key = _key(told)
            paths[key] = Rule(told, verdict, key)
    return list(paths.values())


@dataclass(frozen=True, slots=True)
class OnlyInRules:
    """Slots and loops that no story tells of; policies that learn from stories do not see them."""

    slots: frozenset[str] = frozenset()
    loops: frozenset[str] = frozenset()


NOTHING = OnlyInRules()


def _only_in_rules(rule_turns: Iterable[_Turn], story_turns: Iterable[_Turn]) -> OnlyInRules:
    rule_states = [state for states, _ in rule_turns for state in states]
    story_states = [state for states, _ in story_turns for state in states]
    return OnlyInRules(
        _slots(rule_states) - _slots(story_states), _loops(rule_states) - _loops(story_states)
    )


def _slots(states: Iterable[State]) -> frozenset[str]:
    return frozenset(name for state in states for name in state.slots)


def _loops(states: Iterable[State]) -> frozenset[str]:
    return frozenset(state.loop for state in states if state.loop not in (None, UNSET))


def _sources(
    policy: RulePolicy,
    conversations: Iterable[Sequence[Event]],
    blank: Tracker,
    domain: Domain,
    *,
    only_right: bool,
) -> frozenset[str]:
    """The rules that spoke while ``conversations`` were told; ``only_right``: as they were told."""
    found: set[str] = set()
    for told in conversations:
        tracker, unforeseeable = blank, True
        for event in told:
            if isinstance(event, ActionExecuted):
                if event.name == ANYTHING:
                    unforeseeable = True
                    continue
                if not unforeseeable:
                    prediction, source = policy._predict(tracker, domain)
                    if source and (not only_right or prediction.action == event.name):
                        found.add(source)
                unforeseeable = False
            tracker = tracker.apply(event)
    return frozenset(found)
