"""What a learned policy reads, and what it makes of a model's scores.

A model sees the last states of a conversation, each as columns with values: the action before,
the words that came while the bot listened, the loop, the slots. What it has no column for it does
not see, so an entity or slot that no story knows changes nothing; an intent that no story knows
is to it any intent. Words that a story tells as they are, it sees as the vector of what they are
about, so others to the same effect are alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import msgspec

from bot.dialogue.domain import Domain
from bot.dialogue.memory import told_states
from bot.dialogue.policy import LISTEN, Policy, Prediction
from bot.dialogue.ruletable import NOTHING, OnlyInRules
from bot.dialogue.states import UNLIKELY, UNSET, State, UserState
from bot.dialogue.tracker import Tracker

ANY_INTENT = "intent"  # the column of every intent, beside its own if a story tells of it
WORDS = "words "  # what is seen of words that count as they are; then come the words
VECTOR = "words 0"  # the first of the columns of their vector, which stand one behind the other
SCALE = 16.0  # of a vector of length 1, to make its numbers about as large as the others
WORDS_FROM = 0.5  # as sure must the model be by a user's words, as in Rasa, to go by them

Row = list[tuple[int, float]]  # the columns of one state that are not 0, and their values
Texts = Callable[[str], Iterable[float] | None]  # what a text is about, of length 1, if it is known


def unread(text: str) -> None:
    """Stands for texts where there is nothing that reads them."""


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
        elif state.user.text:
            yield f"{WORDS}{state.user.text}", 1.0
        for entity in state.user.entities:
            yield f"entity {entity}", 1.0
    if state.loop is not None and state.loop != UNSET:
        yield f"loop {state.loop}", 1.0
    for name, seen in state.slots.items():
        for number, value in enumerate(() if isinstance(seen, str) else seen):
            if value:
                yield f"slot {name} {number}", value


class Reader:
    """Conversations as a model reads them, told as stories tell: without what only rules know."""

    def __init__(self, names: Names, only_in_rules: OnlyInRules, texts: Texts) -> None:
        self._columns = {name: number for number, name in enumerate(names.columns)}
        self._most = names.max_history
        self._only_in_rules = only_in_rules
        self._vector, self._texts = self._columns.get(VECTOR), texts

    def states(self, tracker: Tracker, domain: Domain) -> list[State]:
        """The last ones, at most as many as the model looks back."""
        states = told_states(tracker, domain, self._only_in_rules, most=self._most)
        return states[-self._most :]

    def reads_words(self, tracker: Tracker) -> bool:
        """Whether what the user just said can count as it stands."""
        said = tracker.latest_message
        if self._vector is None or said is None or tracker.latest_action_name != LISTEN:
            return False
        words = said.text and not said.text.startswith("/")
        return bool(words) and self._texts(said.text or "") is not None

    def by_words(self, states: Sequence[State], tracker: Tracker) -> list[State] | None:
        """``states`` if what the user just said counts as it stands; None where it cannot."""
        said = tracker.latest_message
        if said is None or not self.reads_words(tracker):
            return None
        now = msgspec.structs.replace(states[-1], user=UserState(text=said.text))
        return [*states[:-1], now]

    def rows(self, states: Iterable[State]) -> list[Row]:
        return [list(self._row(state)) for state in states]

    def _row(self, state: State) -> Iterator[tuple[int, float]]:
        for name, value in seen_in(state):
            if name.startswith(WORDS) and self._vector is not None:
                vector = self._texts(name.removeprefix(WORDS))
                for number, share in enumerate(() if vector is None else vector, self._vector):
                    yield number, SCALE * float(share)
            elif name in self._columns:
                yield self._columns[name], value


class Modelled:
    """A policy that has to ask a model, which takes longer than all that other policies do."""

    priority: int

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def may_win(self, predictions: Sequence[Prediction], tracker: Tracker) -> bool:
        """Whether it could be chosen beside ``predictions``, those of the policies before it."""
        if any(each.is_no_user for each in predictions):
            return False
        sure = any(each.confidence >= 1.0 and each.priority > self.priority for each in predictions)
        return not sure or self._reader.reads_words(tracker)


class LearnedPolicy(Modelled):
    """Asks a model what comes next. Below rules and memoization, which are sure.

    Stands where TEDPolicy stands in a config.yml. Silent where the likeliest answer to what the
    user said is one that no story gives to it, wherever: better the fallback than a wild guess.
    Where the user's words themselves make an action likely, as those of an end-to-end story do,
    it goes by them and not by what NLU made of them.

    Args:
        only_in_rules: Slots and loops that no story knows of; they are left out.
        texts: What users' words are about, if the model reads them.
    """

    name = "TEDPolicy"
    priority = 1

    def __init__(
        self,
        model: Model,
        names: Names,
        *,
        only_in_rules: OnlyInRules = NOTHING,
        texts: Texts = unread,
    ) -> None:
        super().__init__(Reader(names, only_in_rules, texts))
        self._model = model
        self._names = names

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        states = self._reader.states(tracker, domain)
        if (worded := self._reader.by_words(states, tracker)) is not None:
            found = self._likeliest(worded, temperature=1.0)
            if found.confidence >= WORDS_FROM and found.action != LISTEN:
                return replace(found, is_end_to_end=True)
        found = self._likeliest(states, temperature=self._names.temperature)
        if not self._may_answer(found.action, tracker):
            return Prediction(LISTEN, 0.0, self.name, self.priority, scores={})
        return found

    def _likeliest(self, states: Sequence[State], *, temperature: float) -> Prediction:
        logits = self._model.actions(self._reader.rows(states))
        shares = softmax([logit / temperature for logit in logits])
        scores = dict(zip(self._names.actions, shares, strict=True))
        action = max(scores, key=lambda name: scores[name])
        return Prediction(action, scores[action], self.name, self.priority, scores=scores)

    def _may_answer(self, action: str, tracker: Tracker) -> bool:
        said = tracker.latest_message
        if tracker.latest_action_name != LISTEN or said is None or action == LISTEN:
            return True
        answers = self._names.answers.get(said.intent or "")
        return answers is None or action in answers


class UnlikelyIntentPolicy(Modelled):
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
        texts: Texts = unread,
    ) -> None:
        super().__init__(Reader(names, only_in_rules, texts))
        self._model = model
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
    texts: Texts = unread,
) -> list[Policy]:
    """Those of the policies here that ``entries``, name to settings, ask for."""
    known: dict[str, Any] = {"only_in_rules": only_in_rules, "texts": texts}
    found: list[Policy] = []
    if (options := entries.get(UnlikelyIntentPolicy.name)) is not None:
        ignored = options.get("ignore_intents_list") or ()
        found.append(UnlikelyIntentPolicy(model, names, ignored=ignored, **known))
    if LearnedPolicy.name in entries:
        found.append(LearnedPolicy(model, names, **known))
    return found
