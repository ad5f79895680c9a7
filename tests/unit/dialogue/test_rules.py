from __future__ import annotations

import pytest

from bot.dialogue.domain import Domain, EntitySpec, Form, IntentSpec, Slot
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    Event,
    LoopInterrupted,
    Restarted,
    SessionStarted,
    SlotSet,
    UserFeaturization,
    UserUttered,
)
from bot.dialogue.policy import Prediction
from bot.dialogue.rules import RulePolicy
from bot.dialogue.stories import (
    ActionStep,
    LoopStep,
    SlotStep,
    Step,
    Story,
    StoryEntity,
    UserStep,
)
from bot.dialogue.tracker import Tracker
from nlu.parse import Entity, Intent, Parse

DOMAIN = Domain(
    intents={name: IntentSpec(name) for name in ("hi", "ask", "book", "chat", "stop")},
    entities={"city": EntitySpec("city"), "day": EntitySpec("day")},
    slots={
        "known": Slot("known", "bool"),
        "note": Slot("note", "text", influence_conversation=False),
    },
    forms={"form": Form("form", ("note",))},
)
LISTEN = ActionExecuted(name="action_listen")
FORM = ActionExecuted(name="form")
START = Story("start", (UserStep("book"), ActionStep("form"), LoopStep("form")), is_rule=True)
CHAT = Story("chat", (UserStep("chat"), ActionStep("utter_chat")), is_rule=True)


def rule(*steps: Step, **more: object) -> Story:
    return Story("rule", steps, is_rule=True, **more)


def said(intent: str, *entities: str, text: str = "words") -> UserUttered:
    found = tuple(Entity(name, "x", 0, 1) for name in entities)
    return UserUttered(text=text, parse_data=Parse(text, Intent(intent, 1.0), found))


def predicted(
    rules: tuple[Story, ...], *events: Event, stories: tuple[Story, ...] = ()
) -> Prediction:
    tracker = Tracker.start("c", DOMAIN).apply_all(events)
    return RulePolicy(rules, stories, DOMAIN).predict(tracker, DOMAIN)


def test_a_rule_says_what_follows_a_message_and_that_the_bot_then_listens():
    rules = (rule(UserStep("hi"), ActionStep("utter_hi")),)
    assert predicted(rules, LISTEN, said("hi")).action == "utter_hi"
    turn = (LISTEN, said("hi"), UserFeaturization(use_text_for_featurization=False))
    after = predicted(rules, *turn, ActionExecuted(name="utter_hi"))
    assert (after.action, after.confidence) == ("action_listen", 1.0)


def test_without_a_rule_it_falls_back_with_low_confidence():
    prediction = predicted((), LISTEN, said("hi"))
    assert (prediction.action, prediction.confidence) == ("action_default_fallback", 0.3)


def test_a_rule_for_the_start_fires_only_there():
    rules = (rule(UserStep("hi"), ActionStep("utter_hi"), conversation_start=True),)
    assert predicted(rules, LISTEN, said("hi")).action == "utter_hi"
    later = (LISTEN, said("ask"), LISTEN, said("hi"))
    assert predicted(rules, *later).action == "action_default_fallback"


def test_the_entities_of_a_message_must_be_exactly_the_rules():
    rules = (
        rule(UserStep("ask", (StoryEntity("city"),)), ActionStep("utter_city")),
        rule(UserStep("ask"), ActionStep("utter_any")),
    )
    assert predicted(rules, LISTEN, said("ask", "city")).action == "utter_city"
    assert predicted(rules, LISTEN, said("ask", "city", "day")).action == "utter_any"


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [(True, True, True), (True, False, False), (None, None, True), (None, True, False)],
)
def test_a_condition_on_a_slot_must_hold(condition: object, value: object, holds: bool):
    rules = (
        rule(UserStep("ask"), ActionStep("utter_a"), condition=(SlotStep("known", condition),)),
    )
    found = predicted(rules, SlotSet(name="known", value=value), LISTEN, said("ask"))
    assert (found.action == "utter_a") is holds


def test_a_condition_on_a_slot_without_influence_is_ignored():
    rules = (rule(UserStep("ask"), ActionStep("utter_a"), condition=(SlotStep("note", "x"),)),)
    assert predicted(rules, LISTEN, said("ask")).action == "utter_a"


def test_of_two_rules_that_match_the_one_that_says_more_counts():
    rules = (
        rule(UserStep("ask"), ActionStep("utter_any")),
        rule(UserStep("ask"), ActionStep("utter_known"), condition=(SlotStep("known", True),)),
    )
    found = predicted(rules, SlotSet(name="known", value=True), LISTEN, said("ask"))
    assert found.action == "utter_known"


def test_the_very_words_count_before_the_intent():
    rules = (
        rule(UserStep("hi"), ActionStep("utter_hi")),
        rule(UserStep(text="open sesame"), ActionStep("utter_open")),
    )
    found = predicted(rules, LISTEN, said("hi", text="open sesame"))
    assert (found.action, found.is_end_to_end) == ("utter_open", True)


@pytest.mark.parametrize(
    ("intent", "action"),
    [
        ("restart", "action_restart"),
        ("back", "action_back"),
        ("session_start", "action_session_start"),
    ],
)
def test_restart_back_and_session_start_need_no_rule(intent: str, action: str):
    assert predicted((), LISTEN, said(intent)).action == action
    assert (
        predicted((), LISTEN, said("hi"), ActionExecuted(name="a"), said(intent)).action != action
    )


IN_FORM = (LISTEN, said("book"), FORM, ActiveLoop(name="form"))


def test_an_active_loop_listens_after_it_ran_and_runs_after_the_user_spoke():
    listens = predicted((START,), *IN_FORM)
    assert (listens.action, listens.is_no_user) == ("action_listen", True)
    runs = predicted((START, CHAT), *IN_FORM, LISTEN, said("chat"))
    assert (runs.action, runs.is_no_user) == ("form", True)


def test_a_restart_in_a_loop_counts_before_the_loop():
    assert predicted((START,), *IN_FORM, LISTEN, said("restart")).action == "action_restart"


def test_the_very_words_count_before_a_restart_but_not_before_a_loop():
    again = rule(UserStep(text="again"), ActionStep("utter_again"))
    assert predicted((again,), LISTEN, said("restart", text="again")).action == "utter_again"
    looping = predicted((again, START), *IN_FORM, LISTEN, said("chat", text="again"))
    assert (looping.action, looping.is_no_user) == ("form", True)


def test_words_count_only_right_after_they_were_said():
    rules = (rule(UserStep(text="open sesame"), ActionStep("utter_open")),)
    turn = (LISTEN, said("hi", text="open sesame"), UserFeaturization())
    assert predicted(rules, *turn, ActionExecuted(name="utter_x")).action != "utter_open"


def test_a_rule_for_the_start_fires_right_after_a_restart_too():
    rules = (rule(UserStep("hi"), ActionStep("utter_hi"), conversation_start=True),)
    restarted = (LISTEN, said("ask"), ActionExecuted(name="action_restart"), Restarted())
    session = (ActionExecuted(name="action_session_start"), SessionStarted(), LISTEN)
    assert predicted(rules, *restarted, *session, said("hi")).action == "utter_hi"


@pytest.mark.parametrize(("wanted", "in_loop", "holds"), [
    ("form", True, True), ("form", False, False), (None, True, False), (None, False, True),
])  # fmt: skip
def test_a_condition_on_a_loop_must_hold(wanted: str | None, in_loop: bool, holds: bool):
    rules = (rule(UserStep("chat"), ActionStep("utter_a"), condition=(LoopStep(wanted),)), START)
    found = predicted(rules, *(REFUSED if in_loop else (LISTEN, said("chat"))))
    assert (found.action == "utter_a") is holds


REFUSED = (*IN_FORM, LISTEN, said("chat"), ActionExecutionRejected(name="form"))


def test_when_a_loop_refuses_rules_decide_and_then_it_asks_again():
    assert predicted((START, CHAT), *REFUSED).action == "utter_chat"
    chatted = (*REFUSED, UserFeaturization(use_text_for_featurization=False))
    chatted = (*chatted, ActionExecuted(name="utter_chat"))
    assert predicted((START, CHAT), *chatted).action == "form"


STOP = Story(
    "stop",
    (
        UserStep("book"), ActionStep("form"), LoopStep("form"), UserStep("stop"),
        ActionStep("utter_sure"), UserStep("hi"), ActionStep("form"), LoopStep("form"),
    ),
)  # fmt: skip


def test_a_loop_that_a_story_comes_back_to_does_not_take_the_message_for_an_answer():
    sure = (*IN_FORM, LISTEN, said("stop"), ActionExecutionRejected(name="form"))
    sure = (*sure, ActionExecuted(name="utter_sure"), LISTEN, said("hi"))
    found = predicted((START,), *sure, stories=(STOP,))
    assert found.events == (LoopInterrupted(is_interrupted=True),)


def test_where_a_story_listens_in_a_loop_a_rule_does_not_make_the_loop_ask_again():
    rules = (START, rule(UserStep("stop"), ActionStep("utter_sure")))
    sure = (*IN_FORM, LISTEN, said("stop"), ActionExecutionRejected(name="form"))
    sure = (*sure, UserFeaturization(use_text_for_featurization=False))
    sure = (*sure, ActionExecuted(name="utter_sure"))
    assert predicted(rules, *sure).action == "form"
    assert predicted(rules, *sure, stories=(STOP,)).confidence == 0.3


def test_turns_that_no_story_tells_are_hidden_from_policies_that_learn_from_stories():
    story = Story("s", (UserStep("hi"), ActionStep("utter_hi")))
    rules = (rule(UserStep("hi"), ActionStep("utter_hi")), CHAT)
    assert not predicted(rules, LISTEN, said("hi"), stories=(story,)).hide_rule_turn
    assert predicted(rules, LISTEN, said("chat"), stories=(story,)).hide_rule_turn


@pytest.mark.parametrize(
    ("story", "listens_hidden"),
    [
        # Told to run again at once, the form's two runs are one, and no listening lies between.
        ((UserStep("book"), ActionStep("form"), LoopStep("form"), UserStep("ask"),
          ActionStep("form"), LoopStep(None)), True),
        # A story that leaves the form and comes back hears it listen; the form has refused then.
        ((UserStep("book"), ActionStep("form"), LoopStep("form"), UserStep("stop"),
          ActionStep("utter_stop"), UserStep("ask"), ActionStep("form"), LoopStep(None)), False),
    ],
)  # fmt: skip
def test_a_forms_own_turns_are_hidden_unless_a_story_tells_them(
    story: tuple[Step, ...], listens_hidden: bool
):
    rules, stories = (START, CHAT), (Story("told", story),)
    started = (LISTEN, said("book"), FORM, ActiveLoop(name="form"))
    assert not predicted(rules, *started[:2], stories=stories).hide_rule_turn
    assert predicted(rules, *started, stories=stories).hide_rule_turn is listens_hidden
    answered = predicted(rules, *started, LISTEN, said("ask"), stories=stories)
    assert (answered.action, answered.hide_rule_turn) == ("form", True)


def test_what_the_bot_does_without_being_told_is_hidden_from_stories():
    assert predicted((START,), LISTEN, said("back")).hide_rule_turn


def test_a_rule_may_be_as_sure_as_nlu_was_of_the_intent():
    greet = rule(UserStep("hi"), ActionStep("utter_hi"))
    policy = RulePolicy([greet], [], DOMAIN, nlu_confidence=True)
    parse = Parse("hello", Intent("hi", 0.7))
    heard = Tracker.start("c", DOMAIN).apply_all(
        [LISTEN, UserUttered(text="hello", parse_data=parse)]
    )
    prediction = policy.predict(heard, DOMAIN)
    assert (prediction.action, prediction.confidence) == ("utter_hi", 0.7)
    assert prediction.scores == {"utter_hi": 0.7, "action_default_fallback": 0.3}
    unknown = Tracker.start("c", DOMAIN).apply_all([LISTEN, said("stop")])
    assert policy.predict(unknown, DOMAIN).confidence == 0.3


@pytest.mark.parametrize(
    ("intent", "sure", "action"),
    [
        ("hi", 0.4, "utter_hi"),
        ("hi", 0.3, "action_default_fallback"),
        ("hi", 0.2, "action_default_fallback"),
        ("restart", 0.4, "action_restart"),
        ("restart", 0.3, "action_restart"),
        ("restart", 0.2, "action_default_fallback"),
        ("back", 0.3, "action_default_fallback"),
    ],
)
def test_a_rule_less_sure_than_the_fallback_leaves_it_to_the_fallback(
    intent: str, sure: float, action: str
):
    """So Rasa 3.6.21 did, asked with payloads as ``/hi@0.2``; the fallback's threshold is 0.3."""
    greet = rule(UserStep("hi"), ActionStep("utter_hi"))
    policy = RulePolicy([greet], [], DOMAIN, nlu_confidence=True)
    user = UserUttered(text="x", parse_data=Parse("x", Intent(intent, sure)))
    prediction = policy.predict(Tracker.start("c", DOMAIN).apply_all([LISTEN, user]), DOMAIN)
    assert (prediction.action, prediction.confidence) == (action, max(sure, 0.3))


def test_a_form_less_sure_than_the_fallback_does_not_run():
    policy = RulePolicy([START], [], DOMAIN, nlu_confidence=True)
    user = UserUttered(text="x", parse_data=Parse("x", Intent("chat", 0.2)))
    tracker = Tracker.start("c", DOMAIN).apply_all([*IN_FORM, LISTEN, user])
    prediction = policy.predict(tracker, DOMAIN)
    assert (prediction.action, prediction.is_no_user) == ("action_default_fallback", True)


def test_a_rule_on_an_initial_value_is_known_to_a_story_that_follows_it():
    slot = Slot("vip", "bool", initial_value=True)
    domain = Domain(intents={"hi": IntentSpec("hi")}, slots={"vip": slot}, actions=("a",))
    condition = (SlotStep("vip", True),)
    rule = Story("r", (UserStep("hi"), ActionStep("a")), is_rule=True, condition=condition)
    story = Story("s", (UserStep("hi"), ActionStep("a")))
    told = Tracker.start("x", domain).apply_all(
        (ActionExecuted(name="action_listen"), UserUttered(parse_data=Parse("", Intent("hi"))))
    )
    hidden = [
        RulePolicy([rule], stories, domain).predict(told, domain).hide_rule_turn
        for stories in ([], [story])
    ]
    assert hidden == [True, False]
