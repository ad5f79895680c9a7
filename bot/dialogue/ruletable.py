"""Rules as what must have been and what follows, learnt from the turns that rules tell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.dialogue.domain import Domain
from bot.dialogue.events import ActionExecuted, Event
from bot.dialogue.paths import ANYTHING
from bot.dialogue.states import LISTEN, UNLIKELY, UNSET, State, as_dict, visible
from bot.dialogue.tracker import Tracker

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


class RuleTable:
    """Rules, found by the action that went before the last state, and by the intent in it."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._found_by: dict[tuple[str | None, str | None], list[tuple[int, Rule]]] = {}
        for number, rule in enumerate({rule.key: rule for rule in rules}.values()):
            last = rule.states[-1]
            self._found_by.setdefault((last.action, _intent(last)), []).append((number, rule))

    def matching(self, states: Sequence[State]) -> list[Rule]:
        """The rules whose states the last of ``states`` fulfil, in their order."""
        action, intent = states[-1].action, _intent(states[-1])
        candidates = self._found_by.get((action, None), [])
        if intent:
            candidates = sorted([*candidates, *self._found_by.get((action, intent), ())])
        return [rule for _, rule in candidates if _holds(rule.states, states)]


def _intent(state: State) -> str | None:
    return (state.user.intent or None) if state.user else None


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


Turn = tuple[tuple[State, ...], str]  # the states before an action, and the action


def told_turns(events: Iterable[Event], blank: Tracker, domain: Domain) -> list[Turn]:
    """Every action told in ``events`` with the states before it."""
    turns: list[Turn] = []
    tracker = blank
    seen: tuple[State, ...] = ()
    for event in events:
        if isinstance(event, ActionExecuted):
            now = visible(tracker.now, domain)
            seen = (*seen[: len(tracker.past)], now)
            turns.append((seen, event.name or event.action_text or ""))
        tracker = tracker.apply(event)
    return turns


def rules_of(turns: Iterable[Turn]) -> list[Rule]:
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


def unhappy_paths(turns: Iterable[Turn]) -> list[Rule]:
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
    """Slots and loops that no story tells of; policies that learn from stories do not see them.

    ``unlikely_told``: a story tells what to do after `action_unlikely_intent`; else they do not
    see that either.
    """

    slots: frozenset[str] = frozenset()
    loops: frozenset[str] = frozenset()
    unlikely_told: bool = False


NOTHING = OnlyInRules()


def only_in_rules(rule_turns: Iterable[Turn], story_turns: Iterable[Turn]) -> OnlyInRules:
    rule_states = [state for states, _ in rule_turns for state in states]
    story_states = [state for states, _ in story_turns for state in states]
    return OnlyInRules(
        _slots(rule_states) - _slots(story_states),
        _loops(rule_states) - _loops(story_states),
        any(state.action == UNLIKELY for state in story_states),
    )


def _slots(states: Iterable[State]) -> frozenset[str]:
    return frozenset(name for state in states for name in state.slots)


def _loops(states: Iterable[State]) -> frozenset[str]:
    return frozenset(state.loop for state in states if state.loop not in (None, UNSET))
