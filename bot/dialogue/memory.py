"""MemoizationPolicy: does again what a story told, when the conversation went just like it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from bot.dialogue.domain import Domain
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    AllSlotsReset,
    Event,
    LegacyForm,
    LegacyFormValidation,
    LoopInterrupted,
    SlotSet,
)
from bot.dialogue.paths import story_events
from bot.dialogue.policy import LISTEN, Prediction, as_sure_as_nlu
from bot.dialogue.ruletable import NOTHING, OnlyInRules
from bot.dialogue.states import UNLIKELY, Feature, State, by_intent, visible
from bot.dialogue.stories import Story
from bot.dialogue.tracker import Tracker

_Moment = tuple[
    str | None, str | None, tuple[str, ...], str | None, str | None, tuple[tuple[str, Feature], ...]
]
_Key = tuple[_Moment, ...]

LASTING = (
    SlotSet,
    AllSlotsReset,
    ActiveLoop,
    LegacyForm,
    LoopInterrupted,
    LegacyFormValidation,
    ActionExecutionRejected,
)
"""What changes the states of all turns to come, not of one."""


class MemoizationPolicy:
    """Remembers which action followed the last ``max_history`` states of the stories.

    The empty state at the start counts as one, so with no ``max_history`` a story is only
    recognised from the start of a session. Where two stories disagree, neither is remembered.

    Args:
        only_in_rules: Slots and loops that no story knows of; they are left out.
        nlu_confidence: Be as sure as NLU was of the intent, not wholly.
    """

    name = "MemoizationPolicy"
    priority = 3

    def __init__(
        self,
        stories: Sequence[Story],
        domain: Domain,
        *,
        max_history: int | None = None,
        only_in_rules: OnlyInRules = NOTHING,
        nlu_confidence: bool = False,
    ) -> None:
        self._nlu_confidence = nlu_confidence
        self._max_history = max_history
        self._only_in_rules = only_in_rules
        self._actions = _remembered(story_events(stories, domain), domain, max_history)
        self._longest = max((len(key) for key in self._actions), default=0)

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        most = self._longest + 1 if self._max_history is None else self._max_history
        states = told_states(tracker, domain, self._only_in_rules, most=most)
        action = self._recall(states, tracker, domain)
        if action is None:
            return Prediction(LISTEN, 0.0, self.name, self.priority, scores={})
        recalled = Prediction(action, 1.0, self.name, self.priority, scores={action: 1.0})
        return as_sure_as_nlu(recalled, tracker) if self._nlu_confidence else recalled

    def _recall(self, states: list[State], tracker: Tracker, domain: Domain) -> str | None:
        kept = states if self._max_history is None else states[-self._max_history :]
        if len(kept) > self._longest:
            return None
        return self._actions.get(_key(kept))


class AugmentedMemoizationPolicy(MemoizationPolicy):
    """Forgets the oldest turns, one by one, until the rest of the conversation is a story's."""

    name = "AugmentedMemoizationPolicy"

    def _recall(self, states: list[State], tracker: Tracker, domain: Domain) -> str | None:
        if (action := super()._recall(states, tracker, domain)) is not None:
            return action
        return self._recall_forgetting(tracker, domain)

    def _recall_forgetting(self, tracker: Tracker, domain: Domain) -> str | None:
        applied = [tracker.events[index] for index in tracker.applied]
        actions = [n for n, event in enumerate(applied) if isinstance(event, ActionExecuted)]
        nearest = self._nearest(tracker, actions)
        earlier: list[State] | None = None
        blank = Tracker(tracker.conversation_id, tracker.shapes).reborn()
        for first in (*self._further(applied, nearest), *(at for at in actions if at >= nearest)):
            lasting = [e for e in applied[first:nearest] if isinstance(e, LASTING)]
            rest = blank.apply_all([*lasting, *applied[max(first, nearest) :]])
            states = told_states(rest, domain, self._only_in_rules, most=self._longest + 1)
            if states != earlier and (action := super()._recall(states, rest, domain)) is not None:
                return action
            earlier = states
        return None

    def _nearest(self, tracker: Tracker, actions: Sequence[int]) -> int:
        """The last action from which on every turn is there that a story could be recognised by."""
        most = self._longest + 1 if self._max_history is None else self._max_history
        number = max(_window(tracker.states, most) - 1, 0)
        return actions[number] if number < len(actions) else 0

    def _further(self, applied: Sequence[Event], nearest: int) -> list[int]:
        """Actions before that; between one and the next another slot is forgotten.

        What was said there is out of a story's sight; slots and loops last. Without a
        ``max_history`` a story is recognised whole, and nothing is told before it.
        """
        if self._max_history is None:
            return []
        told_last: dict[str, int] = {}
        for at, event in enumerate(applied[:nearest]):
            match event:
                case SlotSet(name=slot):
                    told_last[f"slot {slot}"] = at
                case ActiveLoop() | LegacyForm():
                    told_last["loop"] = at
        found: list[int] = []
        forgotten = iter((-1, *sorted(told_last.values())))
        until = next(forgotten, None)
        for at, event in enumerate(applied[:nearest]):
            if until is not None and at > until and isinstance(event, ActionExecuted):
                found.append(at)
                while until is not None and until < at:
                    until = next(forgotten, None)
        return found


def told_states(
    tracker: Tracker, domain: Domain, only_in_rules: OnlyInRules, *, most: int
) -> list[State]:
    """The conversation as a story would tell it: without what only rules know of.

    At least the last ``most`` states of it, so that a long conversation costs no more.
    """
    told: list[State] = []
    last_action: str | None = None
    hidden = False
    states = tracker.states
    for state in states[_window(states, most) :]:
        if state.action == UNLIKELY and not only_in_rules.unlikely_told:
            continue
        if not hidden:
            last_action = state.action
        if not state.followup and state.action != state.loop:
            hidden = state.hidden
        if hidden:
            continue
        told.append(_told(state, told[-1] if told else None, last_action, only_in_rules))
    if told:
        told[-1] = by_intent(told[-1])
    return [visible(state, domain) for state in told]


def _window(states: Sequence[State], most: int) -> int:
    """From where on ``most`` states are told, seen from a turn that begins in plain sight."""
    left = most
    for number in range(len(states) - 1, 0, -1):
        left -= _in_sight(states[number])
        if left <= 0 and states[number].action == LISTEN and _in_sight(states[number - 1]):
            return number
    return 0


def _in_sight(state: State) -> bool:
    aside = state.followup or state.action in (state.loop, UNLIKELY)
    return not (state.hidden or aside)


def _told(
    state: State, earlier: State | None, last_action: str | None, only_in_rules: OnlyInRules
) -> State:
    user, loop, slots = state.user, state.loop, state.slots
    if loop in only_in_rules.loops:
        loop = None
    if not only_in_rules.slots.isdisjoint(slots):
        slots = {name: seen for name, seen in slots.items() if name not in only_in_rules.slots}
    if earlier is not None and state.action != LISTEN:
        user = earlier.user
    return State(user, last_action or state.action, loop, slots)


def _remembered(
    conversations: Iterable[Sequence[Event]], domain: Domain, max_history: int | None
) -> dict[_Key, str]:
    actions: dict[_Key, str] = {}
    ambiguous: set[_Key] = set()
    for told in conversations:
        tracker = Tracker.start("", domain)
        for event in told:
            if isinstance(event, ActionExecuted):
                states = [visible(state, domain) for state in tracker.states]
                key = _key(states if max_history is None else states[-max_history:])
                action = event.name or event.action_text or ""
                if actions.setdefault(key, action) != action:
                    ambiguous.add(key)
            tracker = tracker.apply(event)
    return {key: action for key, action in actions.items() if key not in ambiguous}


def _key(states: Iterable[State]) -> _Key:
    return tuple(_moment(state) for state in states)


def _moment(state: State) -> _Moment:
    intent, entities, text = msgspec.structs.astuple(state.user) if state.user else (None, (), None)
    return intent, text, entities, state.action, state.loop, tuple(sorted(state.slots.items()))
