"""Options of policies; `use_nlu_confidence_as_score` as Rasa 3.6.21 took it, asked the same."""

from __future__ import annotations

import msgspec
import pytest

from bot.dialogue.domain import Domain, IntentSpec, Variation
from bot.dialogue.events import ActionExecuted, UserUttered
from bot.dialogue.stories import ActionStep, Story, UserStep
from bot.dialogue.tracker import Tracker
from bot.predict import best, make_policies
from bot.project.project import Component, Config, NluData, Project
from nlu.parse import Intent, Parse

RULE, MEMO, FALLBACK = "RulePolicy", "MemoizationPolicy", "action_default_fallback"


def told(intent: str, *, rule: bool = False) -> Story:
    return Story(intent, (UserStep(intent), ActionStep(f"utter_{intent}")), is_rule=rule)


def project(rule: dict[str, object], memo: dict[str, object]) -> Project:
    """``greet`` is both a rule and a story, ``remind`` a rule, ``order`` a story."""
    intents = ("greet", "remind", "order")
    return Project(
        path=".",
        domain=Domain(
            intents={name: IntentSpec(name) for name in intents},
            responses={f"utter_{name}": (Variation(name),) for name in intents},
        ),
        nlu=NluData(),
        stories=(told("greet", rule=True), told("remind", rule=True), told("greet"), told("order")),
        config=Config(policies=(Component(RULE, rule), Component(MEMO, memo))),
        credentials={},
    )


def decided(project: Project, intent: str, sure: float) -> tuple[str, str, float]:
    user = UserUttered(text="x", parse_data=Parse("x", Intent(intent, sure)))
    events = [ActionExecuted(name="action_listen"), user]
    tracker = Tracker.start("c", project.domain).apply_all(events)
    policies = make_policies(project)
    found = best([policy.predict(tracker, project.domain) for policy in policies])
    return found.action, found.policy, found.confidence


NLU = {"use_nlu_confidence_as_score": True}


@pytest.mark.parametrize(
    ("intent", "sure", "expected"),
    [
        ("greet", 1.0, ("utter_greet", RULE, 1.0)),
        ("greet", 0.4, ("utter_greet", MEMO, 1.0)),
        ("greet", 0.2, ("utter_greet", MEMO, 1.0)),
        ("greet", 0.0, ("utter_greet", MEMO, 1.0)),
        ("order", 0.2, ("utter_order", MEMO, 1.0)),
        ("remind", 0.4, ("utter_remind", RULE, 0.4)),
        ("remind", 0.3, (FALLBACK, RULE, 0.3)),
        ("remind", 0.2, (FALLBACK, RULE, 0.3)),
    ],
)
def test_where_only_rules_are_as_sure_as_nlu_a_story_decides(
    intent: str, sure: float, expected: tuple[str, str, float]
):
    assert decided(project(NLU, {}), intent, sure) == expected


@pytest.mark.parametrize(
    ("intent", "sure", "expected"),
    [
        ("greet", 0.4, ("utter_greet", RULE, 0.4)),
        ("greet", 0.2, (FALLBACK, RULE, 0.3)),
        ("greet", 0.0, (FALLBACK, RULE, 0.3)),
        ("order", 0.5, ("utter_order", MEMO, 0.5)),
        ("order", 0.2, (FALLBACK, RULE, 0.3)),
        ("remind", 0.4, ("utter_remind", RULE, 0.4)),
        ("remind", 0.2, (FALLBACK, RULE, 0.3)),
    ],
)
def test_where_both_are_as_sure_as_nlu_neither_decides_below_the_fallback(
    intent: str, sure: float, expected: tuple[str, str, float]
):
    assert decided(project(NLU, NLU), intent, sure) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (FALLBACK, RULE, 0.3)),
        ({"core_fallback_threshold": 0.7}, (FALLBACK, RULE, 0.7)),
        ({"core_fallback_action_name": "utter_order"}, ("utter_order", RULE, 0.3)),
        ({"enable_fallback_prediction": False}, ("action_listen", RULE, 0.0)),
    ],
)
def test_the_fallback_is_as_the_configuration_says(
    options: dict[str, object], expected: tuple[str, str, float]
):
    assert decided(project(options, {}), "nothing", 1.0) == expected


def test_a_threshold_above_a_storys_certainty_is_a_threshold_for_stories_too():
    memo = {**NLU, "priority": 9}
    high = project({"core_fallback_threshold": 0.5}, memo)
    assert decided(high, "order", 0.4) == (FALLBACK, RULE, 0.5)
    assert decided(high, "order", 0.5) == ("utter_order", MEMO, 0.5)
    assert decided(project({}, {"priority": 9}), "greet", 1.0)[1] == MEMO


@pytest.mark.parametrize(("most", "recalled"), [(None, False), (1, True)])
def test_memory_looks_back_as_far_as_the_configuration_says(most: int | None, recalled: bool):
    bot = project({}, {"max_history": most})
    memory = make_policies(bot)[1]
    listen = ActionExecuted(name="action_listen")
    events = [listen, heard("remind"), ActionExecuted(name="utter_remind"), listen, heard("order")]
    tracker = Tracker.start("c", bot.domain).apply_all(events)
    found = memory.predict(tracker, bot.domain)
    assert (found.action == "utter_order") is recalled


@pytest.mark.parametrize("restricted", [True, False])
def test_a_rule_with_two_messages_goes_as_told_whether_rules_are_restricted_or_not(
    restricted: bool,
):
    long = Story(
        "long",
        (
            UserStep("greet"),
            ActionStep("utter_greet"),
            UserStep("order"),
            ActionStep("utter_remind"),
        ),
        is_rule=True,
    )
    bot = project({"restrict_rules": restricted}, {})
    bot = msgspec.structs.replace(bot, stories=(long,))
    (policy, _) = make_policies(bot)
    listen = ActionExecuted(name="action_listen")
    events = [listen, heard("greet"), ActionExecuted(name="utter_greet"), listen, heard("order")]
    tracker = Tracker.start("c", bot.domain).apply_all(events)
    assert policy.predict(tracker, bot.domain).action == "utter_remind"


def heard(intent: str) -> UserUttered:
    return UserUttered(text="x", parse_data=Parse("x", Intent(intent, 1.0)))
