"""A session of more events than a tracker carries goes on as if it carried them all."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bot.dialogue import tracker as module
from bot.dialogue.domain import Domain, Form, Slot
from bot.dialogue.events import (
    ActionExecuted,
    ActionReverted,
    ActiveLoop,
    AllSlotsReset,
    Event,
    FollowupAction,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from bot.dialogue.tracker import MOST_EVENTS, Tracker
from nlu.parse import Intent, Parse

DOMAIN = Domain(
    slots={
        "name": Slot("name", "text"),
        "plan": Slot("plan", "categorical", initial_value="basic", values=("basic", "gold")),
    },
    forms={"form": Form("form", ("name",))},
)
LISTEN = ActionExecuted(name="action_listen")
FEW = 40  # events carried, in these tests


def said(intent: str) -> UserUttered:
    return UserUttered(text=intent, parse_data=Parse(intent, Intent(intent, 1.0)))


# Each turn says, does and listens; rewinds reach back a few turns at most.
TURNS: list[tuple[Event, ...]] = [
    (said("greet"), ActionExecuted(name="utter_greet"), LISTEN),
    (said("tell"), SlotSet(name="name", value="Ada"), ActionExecuted(name="utter_ok"), LISTEN),
    (said("gold"), SlotSet(name="plan", value="gold"), LISTEN),
    (said("reset"), AllSlotsReset(), LISTEN),
    (said("what"), ActionExecuted(name="action_default_fallback"), UserUtteranceReverted(), LISTEN),
    (said("oops"), ActionExecuted(name="utter_ok"), ActionReverted(), LISTEN),
    (said("book"), ActionExecuted(name="form"), ActiveLoop(name="form"), LISTEN),
    (said("done"), ActionExecuted(name="form"), ActiveLoop(name=None), LISTEN),
    (said("next"), FollowupAction(name="utter_ok"), ActionExecuted(name="utter_ok"), LISTEN),
]
RARE: list[tuple[Event, ...]] = [
    (said("restart"), Restarted(), ActionExecuted(name="action_session_start"), SessionStarted()),
]


def run(events: list[Event]) -> Tracker:
    return Tracker.start("c", DOMAIN).apply_all(events)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EVENTS", FEW)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.lists(some.sampled_from([*TURNS * 4, *RARE]), max_size=80))
def test_a_long_session_adds_up_to_the_same_whatever_is_carried(turns: list[tuple[Event, ...]]):
    events = [event for turn in turns for event in turn]
    short = run(events)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_EVENTS", 10**9)
        whole = run(events)
    assert len(short.events) <= FEW
    told = {"events", "applied", "past", "base"}
    for name in set(Tracker.__struct_fields__) - told:
        assert getattr(short, name) == getattr(whole, name), name
    assert short.past == whole.past[len(whole.past) - len(short.past) :]
    assert short.events == whole.events[len(whole.events) - len(short.events) :]


def test_the_slots_of_a_long_session_are_carried_over_to_the_next():
    tracker = run([SlotSet(name="name", value="Ada"), *TURNS[0] * FEW])
    assert tracker.base is not None
    assert tracker.slots_set() == [SlotSet(name="name", value="Ada")]


def test_a_new_session_begins_without_what_was_summed_up():
    tracker = run([SlotSet(name="name", value="Ada"), *TURNS[0] * FEW, SessionStarted()])
    assert tracker.base is None
    assert tracker.slots["name"] is None


def test_a_long_session_survives_being_written_and_read():
    tracker = run([*TURNS[1] * FEW])
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(tracker), type=Tracker)
    assert again == tracker


def test_a_long_session_that_is_not_the_first_is_replayed_as_it_was_lived_through():
    earlier = [*TURNS[0] * 5]
    session = [SessionStarted(), *TURNS[1] * FEW]
    lived = run([*earlier, *session])
    assert lived.base is not None
    assert Tracker.replay("c", DOMAIN, session, seq=lived.seq) == lived


def test_a_tracker_carries_a_thousand_events():
    assert MOST_EVENTS == 1000
