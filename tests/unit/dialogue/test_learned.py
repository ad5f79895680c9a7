from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from bot.dialogue.domain import Domain, EntitySpec, IntentSpec, Slot
from bot.dialogue.events import ActionExecuted, Event, UserFeaturization, UserUttered
from bot.dialogue.learned import (
    LearnedPolicy,
    Names,
    Reader,
    Row,
    UnlikelyIntentPolicy,
    learned_policies,
    seen_in,
    unread,
)
from bot.dialogue.ruletable import NOTHING
from bot.dialogue.states import State, UserState
from bot.dialogue.tracker import Tracker
from nlu.parse import Entity, Intent, Parse

DOMAIN = Domain(
    intents={name: IntentSpec(name) for name in ("hi", "ask", "never_told")},
    entities={"city": EntitySpec("city")},
    slots={"known": Slot("known", "text")},
)
NAMES = Names(
    columns=("action a", "action action_listen", "entity city", "intent", "intent ask"),
    actions=("action_listen", "a", "b"),
    intents=("ask", "hi"),
    max_history=3,
    floors=(0.5, -1.0),
)
ACTION_A, LISTEN, CITY, ANY, ASK = range(5)


class Noted:
    """Gives the logits it was told to give, and notes what it was asked."""

    def __init__(self, actions: Sequence[float] = (0, 0, 0), intents: Sequence[float] = (0, 0)):
        self._actions, self._intents = actions, intents
        self.asked: list[list[Row]] = []

    def actions(self, rows: Sequence[Row]) -> Sequence[float]:
        self.asked.append(list(rows))
        return self._actions

    def intents(self, rows: Sequence[Row]) -> Sequence[float]:
        self.asked.append(list(rows))
        return self._intents


def said(intent: str, *entities: str) -> UserUttered:
    found = tuple(Entity(name, "x", 0, 1) for name in entities)
    return UserUttered(text=intent, parse_data=Parse(intent, Intent(intent, 1.0), found))


def after(*events: Event) -> Tracker:
    return Tracker.start("c", DOMAIN).apply_all((ActionExecuted(name="action_listen"), *events))


def did(action: str, *, hidden: bool = False) -> list[Event]:
    featurised = UserFeaturization(use_text_for_featurization=False)
    return [
        featurised,
        ActionExecuted(name=action, hide_rule_turn=hidden),
        ActionExecuted(name="action_listen", hide_rule_turn=hidden),
    ]


def names_of(row: Row) -> set[str]:
    return {NAMES.columns[column] for column, _ in row}


def test_what_was_said_is_seen_while_the_bot_listens_and_not_after():
    words = UserState("ask", ("city",))
    listening = dict(seen_in(State(words, "action_listen")))
    acting = dict(seen_in(State(words, "a")))
    assert set(listening) == {"action action_listen", "intent", "intent ask", "entity city"}
    assert set(acting) == {"action a"}


def test_a_slot_is_seen_by_its_feature_and_a_loop_by_its_name():
    state = State(action="a", loop="form", slots={"size": (0.0, 1.0), "name": (1.0,)})
    assert dict(seen_in(state)) == {
        "action a": 1.0,
        "loop form": 1.0,
        "slot size 1": 1.0,
        "slot name 0": 1.0,
    }


def test_an_intent_that_no_story_tells_of_is_any_intent():
    reader = Reader(NAMES, NOTHING, unread)
    (row,) = reader.rows([State(UserState("never_told"), "action_listen")])
    assert row == [(LISTEN, 1.0), (ANY, 1.0)]


def test_the_likeliest_action_is_proposed_with_its_share():
    policy = LearnedPolicy(Noted((0.0, 2.0, 1.0)), NAMES)
    prediction = policy.predict(after(said("ask")), DOMAIN)
    assert (prediction.action, prediction.priority) == ("a", 1)
    assert prediction.confidence == pytest.approx(0.665, abs=1e-3)
    assert sum((prediction.scores or {}).values()) == pytest.approx(1.0)


def test_a_temperature_makes_it_less_sure():
    names = msgspec.structs.replace(NAMES, temperature=2.0)
    prediction = LearnedPolicy(Noted((0.0, 2.0, 1.0)), names).predict(after(said("ask")), DOMAIN)
    assert prediction.action == "a"
    assert prediction.confidence == pytest.approx(0.506, abs=1e-3)


def test_what_no_story_answers_an_intent_with_is_not_proposed():
    names = msgspec.structs.replace(NAMES, answers={"ask": ("b",), "hi": ("a", "b")})
    policy = LearnedPolicy(Noted((0.0, 2.0, 1.0)), names)
    assert policy.predict(after(said("ask")), DOMAIN).confidence == 0.0
    assert policy.predict(after(said("hi")), DOMAIN).action == "a"
    assert policy.predict(after(said("never_told")), DOMAIN).action == "a", "it may be any intent"
    acting = after(said("ask"), ActionExecuted(name="b"))
    assert policy.predict(acting, DOMAIN).action == "a", "not an answer, but what follows one"


def test_the_model_is_asked_about_the_last_states_alone_however_long_the_conversation():
    model = Noted()
    tracker = after(*[event for _ in range(200) for event in (said("ask"), *did("a"))])
    LearnedPolicy(model, NAMES).predict(tracker.apply(said("hi", "city")), DOMAIN)
    (rows,) = model.asked
    assert [names_of(row) for row in rows] == [
        {"action action_listen", "intent", "intent ask"},
        {"action a"},
        {"action action_listen", "intent", "entity city"},
    ]


def test_turns_that_only_rules_know_are_not_seen():
    model = Noted()
    tracker = after(said("ask"), *did("a"), said("hi"), *did("b", hidden=True), said("ask"))
    LearnedPolicy(model, NAMES).predict(tracker, DOMAIN)
    assert [names_of(row) for row in model.asked[0]] == [
        {"action action_listen", "intent", "intent ask"},
        {"action a"},
        {"action action_listen", "intent", "intent ask"},
    ]


def test_that_an_intent_was_unlikely_is_passed_over():
    model = Noted()
    tracker = after(said("ask"), ActionExecuted(name="action_unlikely_intent"))
    LearnedPolicy(model, NAMES).predict(tracker, DOMAIN)
    assert names_of(model.asked[0][-1]) == {"action action_listen", "intent", "intent ask"}


def unlikely(model: Noted, *events: Event, **options: Any) -> float:
    policy = UnlikelyIntentPolicy(model, NAMES, **options)
    prediction = policy.predict(after(*events), DOMAIN)
    assert prediction.action == ("action_unlikely_intent" if prediction.confidence else LISTENS)
    return prediction.confidence


LISTENS = "action_listen"


def test_an_intent_below_its_floor_is_unlikely():
    assert unlikely(Noted(intents=(0.4, 0.0)), said("ask")) == 1.0
    assert unlikely(Noted(intents=(0.6, 0.0)), said("ask")) == 0.0
    assert unlikely(Noted(intents=(0.4, -0.5)), said("hi")) == 0.0


def test_what_the_user_said_is_hidden_from_the_model_that_expects_it():
    model = Noted(intents=(0.4, 0.0))
    unlikely(model, said("ask", "city"))
    assert names_of(model.asked[0][-1]) == {"action action_listen"}


def test_intents_no_story_tells_of_and_those_to_ignore_are_never_unlikely():
    low = Noted(intents=(-9.0, -9.0))
    assert unlikely(low, said("never_told")) == 0.0
    assert unlikely(low, said("ask"), ignored=["ask"]) == 0.0
    assert unlikely(low, said("ask"), ignored='-"ask" -"more"') == 0.0


def test_only_what_was_just_said_can_be_unlikely():
    low = Noted(intents=(-9.0, -9.0))
    assert unlikely(low, said("ask"), ActionExecuted(name="a")) == 0.0
    assert unlikely(low) == 0.0


def test_the_policies_that_the_configuration_names_are_made():
    def made(*names: str) -> list[str]:
        found = learned_policies(Noted(), NAMES, {key: {} for key in names}, NOTHING)
        return [policy.name for policy in found]

    assert made("RulePolicy") == []
    assert made("TEDPolicy") == ["TEDPolicy"]
    assert made("TEDPolicy", "UnexpecTEDIntentPolicy") == ["UnexpecTEDIntentPolicy", "TEDPolicy"]
