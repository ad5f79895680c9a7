from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.actions.remote import RemoteActions
from bot.dialogue.domain import Domain
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    Event,
    FollowupAction,
    LoopInterrupted,
    UserFeaturization,
    UserUttered,
)
from bot.dialogue.learned import VECTOR, LearnedPolicy, Names, Row
from bot.dialogue.policy import Prediction
from bot.dialogue.tracker import Tracker
from bot.predict import make_policies, predict
from bot.project.load import load_project
from bot.services import Bot, Services
from bot.testing.services import ScriptedNlu, memory_services

TABLEBOT = Path(__file__).parents[2] / "data" / "tablebot"
LISTEN = ActionExecuted(name="action_listen")


class Says:
    """A policy of one opinion."""

    def __init__(self, action: str, confidence: float, priority: int = 1, **more: object) -> None:
        self.name, self.priority = f"says {action}", priority
        self._prediction = Prediction(
            action, confidence, self.name, priority, scores={action: confidence}, **more
        )

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        return self._prediction


@pytest.fixture
def parley() -> Services:
    return memory_services(load_project(TABLEBOT), ScriptedNlu({}), RemoteActions(None))


def decided(parley: Services, *policies: Says, after: tuple[Event, ...] = ()) -> Prediction:
    services = replace(parley, bot=Bot(parley.bot.domain, policies))
    heard = (LISTEN, UserUttered(text="hi"), *after)
    return predict(Tracker.start("c", parley.bot.domain).apply_all(heard), services)


def test_the_surest_decides_and_among_equals_the_one_of_higher_priority(parley: Services):
    assert decided(parley, Says("a", 0.4), Says("b", 0.6)).action == "b"
    assert decided(parley, Says("a", 0.6, 1), Says("b", 0.6, 2)).action == "b"
    assert decided(parley, Says("a", 0.6, 2), Says("b", 0.6, 1)).action == "a"


def test_a_loop_on_its_path_decides_before_anyone_surer(parley: Services):
    loop = Says("form", 0.1, is_no_user=True)
    assert decided(parley, Says("a", 1.0), loop).action == "form"


def test_the_very_words_decide_before_the_intent(parley: Services):
    assert decided(parley, Says("a", 1.0), Says("b", 0.1, is_end_to_end=True)).action == "b"


def test_a_loop_on_its_path_decides_before_the_very_words_too(parley: Services):
    loop = Says("form", 0.1, is_no_user=True)
    assert decided(parley, Says("b", 1.0, is_end_to_end=True), loop).action == "form"


def test_an_action_that_was_just_refused_is_not_chosen_again(parley: Services):
    refused = (ActionExecutionRejected(name="a"),)
    assert decided(parley, Says("a", 1.0), Says("b", 0.2), after=refused).action == "b"
    assert decided(parley, Says("a", 1.0), after=refused).action == "action_listen"


def test_events_of_every_policy_are_kept_but_optional_ones_only_of_the_winner(parley: Services):
    interrupted = (LoopInterrupted(is_interrupted=True),)
    note = (FollowupAction(name="x"),)
    prediction = decided(
        parley, Says("a", 1.0), Says("b", 0.1, events=interrupted, optional_events=note)
    )
    assert prediction.events == (*interrupted, UserFeaturization(use_text_for_featurization=False))


class Model:
    """Sure of action ``b``; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def actions(self, rows: Sequence[Row]) -> Sequence[float]:
        self.asked += 1
        return (0.0, 9.0)

    intents = actions


def learned(model: Model, **more: Any) -> LearnedPolicy:
    names = Names(columns=(VECTOR,), actions=("a", "b"), intents=("a", "b"), max_history=5)
    return LearnedPolicy(model, names, **more)


def test_a_model_is_asked_only_where_it_can_make_a_difference(parley: Services):
    model = Model()
    for surer in (Says("form", 0.1, is_no_user=True), Says("a", 1.0, 3)):
        assert decided(parley, surer, learned(model)).action == surer.name.removeprefix("says ")
    assert not model.asked
    for less_sure in (Says("a", 0.9, 3), Says("a", 1.0, 1)):
        decided(parley, less_sure, learned(model))
    assert model.asked == 2
    assert decided(parley, Says("a", 0.9), learned(model)).action == "b"


def test_a_model_that_reads_words_may_decide_against_who_is_sure_of_the_intent(parley: Services):
    heard = learned(Model(), texts=lambda _: [1.0])
    assert decided(parley, Says("a", 1.0, 3), heard).action == "b"


def test_a_model_is_asked_when_what_was_certain_refused(parley: Services):
    refused = (ActionExecutionRejected(name="a"),)
    assert decided(parley, Says("a", 1.0, 3), learned(Model()), after=refused).action == "b"


def test_a_followup_comes_first_if_it_is_an_action_of_the_bot(parley: Services):
    known = decided(parley, Says("a", 1.0), after=(FollowupAction(name="utter_greet"),))
    assert (known.action, known.policy) == ("utter_greet", "followup_action")
    with capture_logs() as logged:
        unknown = decided(parley, Says("a", 1.0), after=(FollowupAction(name="action_nobody"),))
    assert unknown.action == "a"
    assert [line["action"] for line in logged if line["log_level"] == "error"] == ["action_nobody"]


def test_a_bot_without_policies_listens(parley: Services):
    assert decided(parley).action == "action_listen"


def test_the_policies_are_those_of_the_configuration():
    names = [policy.name for policy in make_policies(load_project(TABLEBOT))]
    assert names == ["RulePolicy", "MemoizationPolicy"]
