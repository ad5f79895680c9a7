from __future__ import annotations

import msgspec
import pytest

from bot.dialogue.domain import Domain, Form, Slot
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActionReverted,
    ActiveLoop,
    AllSlotsReset,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    EntitiesAdded,
    Event,
    FollowupAction,
    LoopInterrupted,
    Restarted,
    SessionStarted,
    SlotSet,
    UserFeaturization,
    UserUtteranceReverted,
    UserUttered,
)
from bot.dialogue.tracker import Tracker
from bot.dialogue.written import tracker_state
from nlu.parse import Entity, Intent, Parse

DOMAIN = Domain(
    slots={
        "name": Slot("name", "text"),
        "tags": Slot("tags", "list"),
        "plan": Slot("plan", "categorical", initial_value="basic", values=("basic", "gold")),
        "requested_slot": Slot("requested_slot", "text", influence_conversation=False),
    },
    forms={"form": Form("form", ("name",))},
)
LISTEN = ActionExecuted(name="action_listen")
FORM = ActionExecuted(name="form")


def said(text: str, intent: str | None = None) -> UserUttered:
    return UserUttered(text=text, parse_data=Parse(text, Intent(intent, 1.0)), input_channel="rest")


def after(*events: Event) -> Tracker:
    return Tracker.start("c", DOMAIN).apply_all(events)


def actions(tracker: Tracker) -> list[str | None]:
    return [state.action for state in tracker.states]


def test_a_new_conversation_has_initial_slots_and_wants_to_listen():
    tracker = Tracker.start("c", DOMAIN)
    assert tracker.slots == {"name": None, "tags": None, "plan": "basic", "requested_slot": None}
    assert tracker.followup_action == "action_listen"
    assert tracker.seq == 0


def test_applying_an_event_leaves_the_tracker_before_as_it_was():
    before = after(LISTEN)
    encoded = msgspec.msgpack.encode(before)
    before.apply(SlotSet(name="name", value="Ada"))
    assert msgspec.msgpack.encode(before) == encoded


def test_every_event_counts_in_seq_whatever_it_undoes():
    assert after(LISTEN, said("hi"), UserUtteranceReverted(), Restarted()).seq == 4


def test_a_list_slot_makes_a_list_of_a_single_value():
    assert after(SlotSet(name="tags", value="one")).slots["tags"] == ["one"]


def test_a_slot_that_the_domain_does_not_know_is_left_alone():
    assert "other" not in after(SlotSet(name="other", value=1)).slots


def test_a_rewind_takes_back_the_message_its_slots_and_the_listen_before_it():
    tracker = after(
        LISTEN, said("hi"), ActionExecuted(name="utter_hi"), LISTEN,
        said("Ada", "tell"), SlotSet(name="name", value="Ada"), UserUtteranceReverted(),
    )  # fmt: skip
    assert tracker.slots["name"] is None
    assert tracker.latest_message == said("hi")
    assert tracker.latest_action_name == "utter_hi"


def test_a_rewind_of_the_first_message_leaves_a_conversation_that_wants_to_listen():
    tracker = after(LISTEN, said("hi"), UserUtteranceReverted())
    assert tracker.followup_action == "action_listen"
    assert tracker.applied == ()


def test_an_undo_takes_back_the_last_action_and_what_came_after_it():
    tracker = after(
        LISTEN, said("hi"), ActionExecuted(name="a"), SlotSet(name="name", value="x"),
        ActionReverted(),
    )  # fmt: skip
    assert tracker.slots["name"] is None
    assert tracker.latest_action_name == "action_listen"
    assert actions(tracker) == [None, "action_listen"]


def test_a_restart_resets_everything_and_wants_a_session():
    tracker = after(LISTEN, said("hi"), SlotSet(name="name", value="x"), Restarted())
    assert tracker.slots["name"] is None
    assert tracker.followup_action == "action_session_start"
    assert tracker.latest_message is None
    assert len(tracker.events) == 4


def test_a_session_forgets_the_events_before_it_but_not_their_number():
    start = ActionExecuted(name="action_session_start")
    tracker = after(LISTEN, said("hi"), SlotSet(name="name", value="x"), start, SessionStarted())
    assert tracker.events == (start, SessionStarted())
    assert tracker.seq == 5
    assert tracker.slots["name"] is None


def test_resetting_slots_resets_nothing_else():
    tracker = after(
        LISTEN, said("hi"), SlotSet(name="name", value="x"), SlotSet(name="plan", value="gold"),
        AllSlotsReset(),
    )  # fmt: skip
    assert (tracker.slots["name"], tracker.slots["plan"]) == (None, "basic")
    assert tracker.latest_message == said("hi")


def test_pausing_and_resuming():
    assert after(ConversationPaused()).paused
    assert not after(ConversationPaused(), ConversationResumed()).paused


@pytest.mark.parametrize("event", [LISTEN, said("hi")])
def test_a_followup_is_forgotten_when_an_action_ran_or_the_user_spoke(event: Event):
    assert after(FollowupAction(name="a")).followup_action == "a"
    assert after(FollowupAction(name="a"), event).followup_action is None


def test_a_loop_is_rejected_until_it_runs_again():
    tracker = after(LISTEN, said("hi"), FORM, ActiveLoop(name="form"), LISTEN, said("no"))
    assert not tracker.active_loop.rejected
    tracker = tracker.apply(ActionExecutionRejected(name="form"))
    assert tracker.active_loop.rejected
    tracker = tracker.apply(ActionExecuted(name="utter_chat"))
    assert tracker.active_loop.rejected
    assert not tracker.apply(FORM).active_loop.rejected


def test_an_interrupted_loop_is_so_until_the_next_action():
    tracker = after(FORM, ActiveLoop(name="form"), LoopInterrupted(is_interrupted=True))
    assert tracker.active_loop.is_interrupted
    assert not tracker.apply(LISTEN).active_loop.is_interrupted


def test_a_whole_run_of_a_form_is_one_turn():
    tracker = after(
        LISTEN, said("book", "book"), FORM, ActiveLoop(name="form"), LISTEN,
        said("two"), SlotSet(name="name", value="two"), FORM, LISTEN, said("three"), FORM,
    )  # fmt: skip
    assert actions(tracker) == [None, "action_listen", "form"]
    assert tracker.now.user.intent == "book"
    assert tracker.slots["name"] == "two"


def test_going_back_in_a_form_undoes_the_whole_form():
    tracker = after(
        LISTEN, said("book", "book"), FORM, ActiveLoop(name="form"), LISTEN,
        said("two"), SlotSet(name="name", value="two"), FORM, LISTEN, said("/back", "back"),
        ActionExecuted(name="action_back"), UserUtteranceReverted(), UserUtteranceReverted(),
    )  # fmt: skip
    assert tracker.loop_name is None
    assert tracker.slots["name"] is None


def test_a_form_that_was_left_for_something_else_keeps_its_turns():
    tracker = after(
        LISTEN, said("book", "book"), FORM, ActiveLoop(name="form"), LISTEN, said("chat", "chat"),
        ActionExecutionRejected(name="form"), ActionExecuted(name="utter_chat"), FORM,
    )  # fmt: skip
    assert actions(tracker) == [
        None,
        "action_listen",
        "form",
        "action_listen",
        "utter_chat",
        "form",
    ]


def test_featurization_says_whether_words_or_intent_count():
    tracker = after(LISTEN, said("hi", "greet"))
    by_intent = tracker.apply(UserFeaturization(use_text_for_featurization=False))
    by_words = tracker.apply(UserFeaturization(use_text_for_featurization=True))
    assert (by_intent.now.user.intent, by_intent.now.user.text) == ("greet", None)
    assert (by_words.now.user.intent, by_words.now.user.text) == (None, "hi")


def test_entities_found_by_a_policy_join_those_of_the_message():
    tracker = after(LISTEN, said("hi"), EntitiesAdded(entities=(Entity("name", "Ada", 0, 2),)))
    assert [entity.value for entity in tracker.latest_message.entities] == ["Ada"]


def test_replayed_from_its_events_a_tracker_is_the_same():
    tracker = after(
        ActionExecuted(name="action_session_start"), SessionStarted(), LISTEN,
        said("book", "book"), FORM, ActiveLoop(name="form"), LISTEN, said("two"),
        UserUtteranceReverted(), BotUttered(text="Hello?"),
    )  # fmt: skip
    replayed = Tracker.replay("c", DOMAIN, tracker.events, seq=tracker.seq)
    assert replayed == tracker


def test_stored_and_read_a_tracker_is_the_same():
    tracker = after(LISTEN, said("book", "book"), FORM, ActiveLoop(name="form"))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(tracker), type=Tracker) == tracker


def test_the_state_has_the_keys_an_action_server_reads():
    tracker = after(LISTEN, said("book", "book"), FORM, ActiveLoop(name="form"))
    state = tracker_state(tracker)
    assert set(state) == {
        "sender_id", "slots", "latest_message", "latest_event_time", "followup_action", "paused",
        "events", "latest_input_channel", "active_loop", "latest_action", "latest_action_name",
    }  # fmt: skip
    assert state["latest_message"]["intent"] == {"name": "book", "confidence": 1.0}
    assert state["active_loop"]["trigger_message"]["text"] == "book"
    assert state["latest_action"] == {"action_name": "form"}
    assert state["events"][1]["event"] == "user"


def test_metadata_that_we_add_to_events_is_not_the_messages():
    message = UserUttered(
        text="hi", metadata={"page": "home", "model_id": "m", "assistant_id": "a"}
    )
    assert tracker_state(after(LISTEN, message))["latest_message"]["metadata"] == {"page": "home"}


def test_the_bots_last_words_are_remembered():
    tracker = after(BotUttered(text="How many?"), BotUttered(text=None))
    assert tracker.bot_text == "How many?"
