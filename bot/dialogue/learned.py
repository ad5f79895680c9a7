"""What a learned policy reads, and what it makes of a model's scores.

A model sees the last states of a conversation, each as columns with values: the action before,
the words that came while the bot listened, the loop, the slots. What it has no column for it does
not see, so an entity or slot that no story knows changes nothing; an intent that no story knows
is to it any intent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from bot.dialogue.domain import Domain
from bot.dialogue.memory import told_states
from bot.dialogue.policy import LISTEN, Policy, Prediction
from bot.dialogue.ruletable import NOTHING, OnlyInRules
from bot.dialogue.states import UNLIKELY, UNSET, State
from bot.dialogue.tracker import Tracker

ANY_INTENT = "intent"  # the column of every intent, beside its own if a story tells of it

Row = list[tuple[int, float]]  # the columns of one state that are not 0, and their values


class Model(Protocol):
    """What comes next after states, the oldest first: a logit for each action, each intent."""

    def actions(self, rows: Sequence[Row]) -> Sequence[float]: ...

    def intents(self, rows: Sequence[Row]) -> Sequence[float]: ...


class Names(msgspec.Struct, frozen=True):
    """What is behind a model's columns and outputs, how far back it looks, how sure it may be.

    ``temperature`` divides the logits of the actions. ``answers`` are, for each intent that
    stories tell, the actions they answer it with.
    """

    columns: tuple[str, ...]
    actions: tuple[str, ...]
    intents: tuple[str, ...]
    max_history: int
    floors: tuple[float, ...] = ()
    temperature: float = 1.0
    answers: dict[str, tuple[str, ...]] = {}


def seen_in(state: State) -> Iterator[tuple[str, float]]:
    """What is to be seen in ``state``, as names of columns with their values.

    What the user said is seen once, where the bot listened; what follows it looks back.
    """
    if state.action is not None:
        yield f"action {state.action}", 1.0
    if state.user is not None and state.action == LISTEN:
        if state.user.intent:
            yield ANY_INTENT, 1.0
            yield f"intent {state.user.intent}", 1.0
        for entity in state.user.entities:
            yield f"entity {entity}", 1.0
    if state.loop is not None and state.loop != UNSET:
        yield f"loop {state.loop}", 1.0
    for name, seen in state.slots.items():
        for number, value in enumerate(() if isinstance(seen, str) else seen):
            if value:
                yield f"slot {name} {number}", value


def rows_of(states: Iterable[State], columns: Mapping[str, int]) -> list[Row]:
    """``states`` as a model reads them."""
    return [
        [(columns[name], value) for name, value in seen_in(state) if name in columns]
        for state in states
    ]


class Reader:
    """Conversations as a model reads them, told as stories tell: without what only rules know."""

    def __init__(self, names: Names, only_in_rules: OnlyInRules) -> None:
        self._columns = {name: number for number, name in enumerate(names.columns)}
        self._most = names.max_history
        self._only_in_rules = only_in_rules

    def states(self, tracker: Tracker, domain: Domain) -> list[State]:
        """The last ones, at most as many as the model looks back."""
        states = told_states(tracker, domain, self._only_in_rules, most=self._most)
        return states[-self._most :]

    def rows(self, states: Iterable[State]) -> list[Row]:
        return rows_of(states, self._columns)


class LearnedPolicy:
    """Asks a model what comes next. Below rules and memoization, which are sure.

    Stands where TEDPolicy stands in a config.yml. Silent where the likeliest answer to what the
    user said is one that no story gives to it, wherever: better the fallback than a wild guess.

    Args:
        only_in_rules: Slots and loops that no story knows of; they are left out.
    """

    name = "TEDPolicy"
    priority = 1

    def __init__(self, model: Model, names: Names, *, only_in_rules: OnlyInRules = NOTHING) -> None:
        self._model = model
        self._names = names
        self._reader = Reader(names, only_in_rules)

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        rows = self._reader.rows(self._reader.states(tracker, domain))
        logits = [logit / self._names.temperature for logit in self._model.actions(rows)]
        scores = dict(zip(self._names.actions, softmax(logits), strict=True))
        action = max(scores, key=lambda name: scores[name])
        if not self._may_answer(action, tracker):
            return Prediction(LISTEN, 0.0, self.name, self.priority, scores={})
        return Prediction(action, scores[action], self.name, self.priority, scores=scores)

    def _may_answer(self, action: str, tracker: Tracker) -> bool:
        said = tracker.latest_message
        if tracker.latest_action_name != LISTEN or said is None or action == LISTEN:
            return True
        answers = self._names.answers.get(said.intent or "")
        return answers is None or action in answers


class UnlikelyIntentPolicy:
    """Proposes `action_unlikely_intent` when what the user said fits no story here.

    Stands where UnexpecTEDIntentPolicy stands in a config.yml. Silent on intents that no story
    tells of.

    Args:
        ignored: Intents that are always likely; a text holds those whose names are in it.
    """

    name = "UnexpecTEDIntentPolicy"
    priority = 2

    def __init__(
        self,
        model: Model,
        names: Names,
        *,
        ignored: Sequence[str] | str = (),
        only_in_rules: OnlyInRules = NOTHING,
    ) -> None:
        self._model = model
        self._reader = Reader(names, only_in_rules)
        self._floors = dict(zip(names.intents, names.floors, strict=True))
        self._intents = names.intents
        self._ignored = ignored

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        sure = 1.0 if self._is_unlikely(tracker, domain) else 0.0
        action = UNLIKELY if sure else LISTEN
        scores = {UNLIKELY: 1.0} if sure else {}
        return Prediction(action, sure, self.name, self.priority, scores=scores)

    def _is_unlikely(self, tracker: Tracker, domain: Domain) -> bool:
        said = tracker.latest_message
        if tracker.latest_action_name != LISTEN or said is None or not said.intent:
            return False
        if said.intent not in self._floors or said.intent in self._ignored:
            return False
        states = self._reader.states(tracker, domain)
        before = msgspec.structs.replace(states[-1], user=None)
        logits = self._model.intents(self._reader.rows([*states[:-1], before]))
        return logits[self._intents.index(said.intent)] < self._floors[said.intent]


def softmax(logits: Sequence[float]) -> list[float]:
    """Shares that add up to 1."""
    most = max(logits)
    powers = [math.exp(logit - most) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]


def learned_policies(
    model: Model,
    names: Names,
    entries: Mapping[str, Mapping[str, Any]],
    only_in_rules: OnlyInRules,
) -> list[Policy]:
    """Those of the policies here that ``entries``, name to settings, ask for."""
    found: list[Policy] = []
    if (options := entries.get(UnlikelyIntentPolicy.name)) is not None:
        ignored = options.get("ignore_intents_list") or ()
        found.append(
            UnlikelyIntentPolicy(model, names, ignored=ignored, only_in_rules=only_in_rules)
        )
    if LearnedPolicy.name in entries:
        found.append(LearnedPolicy(model, names, only_in_rules=only_in_rules))
    return found
