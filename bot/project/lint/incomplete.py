"""Rules that cannot be learnt by themselves: too many turns, or less told than elsewhere.

Rasa refuses to train on either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bot.dialogue.domain import Domain
from bot.dialogue.events import ActionExecuted, ActiveLoop, SlotSet, UserUttered
from bot.dialogue.paths import ANYTHING, Told, rule_events
from bot.dialogue.rules import RulePolicy
from bot.dialogue.ruletable import told_turns
from bot.dialogue.states import UNSET, SlotShape
from bot.dialogue.stories import Story
from bot.dialogue.tracker import blank_tracker
from bot.project.lint.subject import Found, Subject, at_story, place_of


def check(subject: Subject) -> Iterator[Found]:
    """What keeps the policy of rules from being trained."""
    policy = subject.policy(RulePolicy.name)
    if policy is None:
        return
    if policy.options.get("restrict_rules", True):
        yield from _turns(subject)
    if policy.options.get("check_for_contradictions", True):
        yield from _incomplete(subject)


def _turns(subject: Subject) -> Iterator[Found]:
    for rule in subject.rules:
        told = next(rule_events(rule, subject.domain), ())
        turns = sum(isinstance(event, UserUttered) for event in told)
        if turns > 1:
            message = f"the rule '{rule.name}' has {turns} user turns; a rule may have one."
            hint = "Make it a story, or several rules."
            yield Found("error", "rule-turns", at_story(rule, message, hint))


def _incomplete(subject: Subject) -> Iterator[Found]:
    told = [
        Told(events, ((0, rule),))
        for rule in subject.rules
        for events in rule_events(rule, subject.domain)
    ]
    effects = _effects(told, subject.domain)
    seen: set[tuple[str, str, str]] = set()
    for way in told:
        rule = way.parts[0][1]
        if any(isinstance(event, UserUttered) and event.text for event in way.events):
            continue  # Rasa asks it of rules on an intent alone
        for action, kind, names in _missing(way, effects, subject.domain):
            key = (place_of(rule), action, kind)
            if key not in seen:
                seen.add(key)
                yield _found(rule, action, kind, names, effects[action])


class _Effects:
    """What some rule tells after an action: the slots set, the loops begun or ended."""

    def __init__(self) -> None:
        self.slots: dict[str, Story] = {}
        self.loops: dict[str | None, Story] = {}


def _effects(told: list[Told], domain: Domain) -> dict[str, _Effects]:
    seen = {slot.name for slot in domain.slots.values() if SlotShape.of(slot).influences}
    effects: dict[str, _Effects] = defaultdict(_Effects)
    for way in told:
        action = ""
        for event in way.events:
            match event:
                case ActionExecuted():
                    action = event.name or event.action_text or ""
                case UserUttered():
                    action = ""
                case SlotSet(name=name) if action and name in seen:
                    effects[action].slots.setdefault(name, way.parts[0][1])
                case ActiveLoop(name=name) if action:
                    effects[action].loops.setdefault(name, way.parts[0][1])
                case _:
                    pass
    return effects


def _missing(
    way: Told, effects: dict[str, _Effects], domain: Domain
) -> Iterator[tuple[str, str, list[str]]]:
    """Actions of a rule after which it tells less than other rules do, and what it leaves out."""
    for states, following in told_turns(way.events, blank_tracker(domain), domain):
        now = states[-1]
        if now.action in (None, ANYTHING) or following == ANYTHING or now.action not in effects:
            continue
        expected = effects[now.action]
        if slots := sorted(expected.slots.keys() - now.slots.keys()):
            yield now.action, "slot", slots
        if expected.loops and now.loop not in expected.loops:
            loops = ["null" if name == UNSET else str(name) for name in expected.loops]
            yield now.action, "active_loop", sorted(loops)


def _found(rule: Story, action: str, kind: str, names: list[str], effects: _Effects) -> Found:
    other = next(iter((effects.slots if kind == "slot" else effects.loops).values()))
    what = "slot_was_set" if kind == "slot" else "active_loop"
    message = (
        f"the rule '{rule.name}' tells no {what} after '{action}', as the rule '{other.name}' "
        f"({place_of(other)}) does: {', '.join(names)}."
    )
    hint = "Add the step, with null where nothing is set, or end with wait_for_user_input: false."
    return Found("error", "rule-incomplete", at_story(rule, message, hint))
