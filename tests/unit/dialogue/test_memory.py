from __future__ import annotations

import pytest

from bot.dialogue.domain import Domain, EntitySpec, IntentSpec, Slot
from bot.dialogue.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    SlotSet,
    UserFeaturization,
    UserUttered,
)
from bot.dialogue.memory import AugmentedMemoizationPolicy, MemoizationPolicy
from bot.dialogue.ruletable import OnlyInRules
from bot.dialogue.stories import ActionStep, SlotStep, Story, UserStep
from bot.dialogue.tracker import Tracker
from nlu.parse import Intent, Parse

DOMAIN = Domain(
    intents={name: IntentSpec(name) for name in ("hi", "ask", "more", "other")},
    entities={"city": EntitySpec("city")},
    slots={"known": Slot("known", "text")},
)
LISTEN = ActionExecuted(name="action_listen")
STORY = Story("s", (UserStep("ask"), ActionStep("a"), UserStep("more"), ActionStep("b")))


def turn(intent: str, action: str | None = None, *, hidden: bool = False) -> list[Event]:
    said = UserUttered(text=intent, parse_data=Parse(intent, Intent(intent, 1.0)))
    events: list[Event] = [LISTEN, said]
    if action is not None:
        featurised = UserFeaturization(use_text_for_featurization=False)
        done = ActionExecuted(name=action, hide_rule_turn=hidden)
        events += [featurised, done]
    return events


def proposed(policy: MemoizationPolicy, *events: Event) -> tuple[str, float]:
    prediction = policy.predict(Tracker.start("c", DOMAIN).apply_all(events), DOMAIN)
    return prediction.action, prediction.confidence


NOTHING = ("action_listen", 0.0)


def test_it_does_what_the_story_tells():
    policy = MemoizationPolicy((STORY,), DOMAIN)
    assert proposed(policy, *turn("ask")) == ("a", 1.0)
    assert proposed(policy, *turn("ask", "a")) == ("action_listen", 1.0)
    assert proposed(policy, *turn("ask", "a"), *turn("more")) == ("b", 1.0)


def test_in_the_midst_of_a_conversation_a_story_is_not_recognised():
    policy = MemoizationPolicy((STORY,), DOMAIN)
    assert proposed(policy, *turn("other", "x"), *turn("ask")) == NOTHING


def test_a_slot_set_before_makes_it_another_conversation():
    policy = MemoizationPolicy((STORY,), DOMAIN)
    assert proposed(policy, SlotSet(name="known", value="x"), *turn("ask")) == NOTHING


def test_slots_that_only_rules_know_do_not_count():
    only = OnlyInRules(slots=frozenset({"known"}))
    policy = MemoizationPolicy((STORY,), DOMAIN, only_in_rules=only)
    assert proposed(policy, SlotSet(name="known", value="x"), *turn("ask")) == ("a", 1.0)


def test_loops_that_only_rules_know_do_not_count():
    looping = (ActiveLoop(name="form"), *turn("ask"))
    assert proposed(MemoizationPolicy((STORY,), DOMAIN), *looping) == NOTHING
    only = OnlyInRules(loops=frozenset({"form"}))
    policy = MemoizationPolicy((STORY,), DOMAIN, only_in_rules=only)
    assert proposed(policy, *looping) == ("a", 1.0)


def test_where_two_stories_disagree_neither_is_remembered():
    other = Story("o", (UserStep("ask"), ActionStep("c")))
    assert proposed(MemoizationPolicy((STORY, other), DOMAIN), *turn("ask")) == NOTHING


def test_hidden_turns_of_rules_do_not_disturb_a_story():
    policy = MemoizationPolicy((STORY,), DOMAIN)
    aside = [LISTEN, *turn("other", "x", hidden=True)[1:]]
    hidden_listen = ActionExecuted(name="action_listen", hide_rule_turn=True)
    events = [*turn("ask", "a"), *aside, hidden_listen, *turn("more")[1:]]
    assert proposed(policy, *events) == ("b", 1.0)


def test_augmented_it_forgets_what_came_before_the_story():
    policy = AugmentedMemoizationPolicy((STORY,), DOMAIN)
    before = [SlotSet(name="known", value="x"), *turn("other", "y"), *turn("other", "y")]
    assert proposed(policy, *before, *turn("ask")) == ("a", 1.0)
    assert proposed(policy, *before, *turn("ask", "a"), *turn("more")) == ("b", 1.0)
    assert proposed(policy, *before, *turn("more")) == NOTHING


def test_a_long_conversation_is_decided_by_its_end():
    policy = MemoizationPolicy((STORY,), DOMAIN, max_history=2)
    before = [event for _ in range(50) for event in turn("other", "x")]
    assert proposed(policy, *before, *turn("ask")) == NOTHING
    assert proposed(policy, *before, *turn("ask", "a"), *turn("more")) == ("b", 1.0)


TWO_ACTIONS = Story(
    "t", (UserStep("ask"), ActionStep("a"), UserStep("more"), ActionStep("b"), ActionStep("c"))
)


def test_the_turn_whose_last_actions_are_seen_is_remembered_whole():
    """With a history shorter than the story its oldest state is of the middle of a turn."""
    policy = AugmentedMemoizationPolicy((TWO_ACTIONS,), DOMAIN, max_history=4)
    before = [SlotSet(name="known", value="x"), *turn("other", "y")]
    told = [*turn("ask", "a"), *turn("more", "b"), ActionExecuted(name="c")]
    assert proposed(policy, *before, *told) == ("action_listen", 1.0)


def test_turns_of_rules_do_not_shorten_what_is_seen():
    policy = AugmentedMemoizationPolicy((TWO_ACTIONS,), DOMAIN, max_history=4)
    before = [SlotSet(name="known", value="x"), *turn("other", "y")]
    hidden = ActionExecuted(name="action_listen", hide_rule_turn=True)
    rule = turn("hi", "z", hidden=True)[1:]
    aside = [LISTEN, *rule, *(event for _ in range(4) for event in (hidden, *rule)), hidden]
    told = [*turn("ask", "a"), *aside, *turn("more", "b")[1:], ActionExecuted(name="c")]
    assert proposed(policy, *before, *told) == ("action_listen", 1.0)


def test_slots_are_forgotten_one_after_the_other():
    slots = {"known": Slot("known", "text"), "new": Slot("new", "text")}
    domain = Domain(intents=DOMAIN.intents, slots=slots)
    story = Story("s", (SlotStep("new", "y"), UserStep("ask"), ActionStep("a")))
    policy = AugmentedMemoizationPolicy((story,), domain, max_history=1)
    first = [SlotSet(name="known", value="x"), *turn("other", "y")]
    second = [SlotSet(name="new", value="y"), *turn("other", "y"), *turn("other", "y")]
    tracker = Tracker.start("c", domain).apply_all([*first, *second, *turn("ask")])
    assert policy.predict(tracker, domain).action == "a"


def test_a_long_conversation_costs_no_more_than_a_short_one(monkeypatch: pytest.MonkeyPatch):
    policy = AugmentedMemoizationPolicy((TWO_ACTIONS,), DOMAIN, max_history=4)
    replayed = []
    apply_all = Tracker.apply_all

    def counted(tracker: Tracker, events: list[Event]) -> Tracker:
        replayed.append(len(events))
        return apply_all(tracker, events)

    def cost(turns: int) -> int:
        slots = [SlotSet(name="known", value="x")]
        said = [event for _ in range(turns) for event in (*slots, *turn("other", "y"))]
        tracker = Tracker.start("c", DOMAIN).apply_all(said)
        replayed.clear()
        with monkeypatch.context() as patched:
            patched.setattr(Tracker, "apply_all", counted)
            policy.predict(tracker, DOMAIN)
        return sum(replayed)

    assert cost(200) <= cost(20) + 2 * 200  # the slots, and nothing of what was said
