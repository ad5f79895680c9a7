"""Stories as what a policy model learns from: short windows of states, and what follows them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from bot.dialogue.domain import DEFAULT_ACTIONS, Domain
from bot.dialogue.events import ActionExecuted, Event
from bot.dialogue.learned import ANY_INTENT, VECTOR, WORDS, seen_in
from bot.dialogue.paths import story_events
from bot.dialogue.states import LISTEN, State, visible
from bot.dialogue.stories import Story
from bot.dialogue.tracker import Tracker

Told = tuple[Event, ...]
Seen = tuple[tuple[str, float], ...]  # one state, as names of columns with their values

ROUNDS = 3  # so many stories at most are glued to one
PER_FACTOR = 10  # glued conversations for each unit of the augmentation factor


class Window(NamedTuple):
    """The last states before ``action``, the oldest first; ``intent`` if the user just spoke."""

    states: tuple[Seen, ...]
    action: str
    intent: str | None


def conversations(
    stories: Sequence[Story], domain: Domain, *, augmentation: int, seed: int
) -> list[Told]:
    """The stories, and chains of them: after one a user may begin another.

    Args:
        augmentation: Ten times as many chains at most are made in each of three rounds.
    """
    told = list(story_events(stories, domain))
    rng = random.Random(seed)
    most = augmentation * PER_FACTOR
    found, latest = list(told), told
    for _ in range(ROUNDS if most else 0):
        latest = _some(
            [_glued(one, next_) for one in _some(latest, most, rng) for next_ in told], most, rng
        )
        found += latest
    return found


def _glued(one: Told, other: Told) -> Told:
    first = other[0] if other else None
    listens = isinstance(first, ActionExecuted) and first.name == LISTEN
    return (*one, *(other[1:] if listens else other))


def _some(told: list[Told], most: int, rng: random.Random) -> list[Told]:
    return told if len(told) <= most else rng.sample(told, most)


def windows(told: Iterable[Told], domain: Domain, max_history: int) -> dict[Window, int]:
    """Every window of ``told`` once, in order, and how often it is told."""
    return Counter(w for events in told for w in _windows(events, domain, max_history))


def _windows(events: Told, domain: Domain, max_history: int) -> Iterator[Window]:
    tracker = Tracker.start("", domain)
    for event in events:
        if isinstance(event, ActionExecuted):
            states = [visible(state, domain) for state in tracker.states[-max_history:]]
            seen = tuple(tuple(seen_in(state)) for state in states)
            yield Window(seen, event.name or event.action_text or "", _intent(states[-1]))
        tracker = tracker.apply(event)


def answers(found: Iterable[Window]) -> dict[str, tuple[str, ...]]:
    """For each intent the actions that it is answered with somewhere."""
    told: dict[str, set[str]] = {}
    for window in found:
        if window.intent is not None:
            told.setdefault(window.intent, set()).add(window.action)
    return {intent: tuple(sorted(actions)) for intent, actions in sorted(told.items())}


def _intent(state: State) -> str | None:
    return state.user.intent if state.user is not None and state.action == LISTEN else None


class Names(msgspec.Struct, frozen=True):
    """Behind the columns and the outputs; `action_listen` is the first of the actions."""

    columns: tuple[str, ...]
    actions: tuple[str, ...]
    intents: tuple[str, ...]

    @classmethod
    def of(cls, found: Iterable[Window], domain: Domain, *, words: int = 0) -> Names:
        """Of what ``found`` holds, and of every action the bot can do besides.

        Args:
            words: Numbers of the vector of a user's words; 0 where nothing reads them.
        """
        found = tuple(found)
        columns = {name for window in found for seen in window.states for name, _ in seen}
        columns = {name for name in columns if not name.startswith(WORDS)}
        vector = tuple(f"{WORDS}{number}" for number in range(words))
        assert not words or vector[0] == VECTOR
        known = {*DEFAULT_ACTIONS, *domain.actions, *domain.forms, *domain.responses}
        actions = known | {window.action for window in found}
        intents = {window.intent for window in found if window.intent}
        return cls(
            (*sorted(columns | {ANY_INTENT, f"action {LISTEN}"}), *vector),
            (LISTEN, *sorted(actions - {LISTEN})),
            tuple(sorted(intents)) or ("",),
        )
