"""Every event comes in and goes out as Rasa 3 writes it."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import msgspec
import pytest

from bot.dialogue import events
from bot.dialogue.domain import Domain, Slot
from bot.dialogue.events import Event
from bot.dialogue.tracker import Tracker
from bot.dialogue.written import event_state

BASE: dict[str, Any] = {"timestamp": 1.5, "metadata": {"model_id": "m"}}
PARSE: dict[str, Any] = {
    "intent": {"name": "greet", "confidence": 0.9},
    "entities": [{"entity": "name", "value": "Ada", "start": 3, "end": 6, "role": "from"}],
    "text": "hi Ada",
    "message_id": "1",
    "metadata": {},
    "intent_ranking": [{"name": "greet", "confidence": 0.9}],
}
WRITTEN: tuple[dict[str, Any], ...] = (
    {
        "event": "user",
        "text": "hi Ada",
        "parse_data": PARSE,
        "input_channel": "rest",
        "message_id": "1",
    },
    {"event": "bot", "text": "Hello.", "data": {"buttons": [{"title": "a", "payload": "/b"}]}},
    {
        "event": "action",
        "name": "utter_greet",
        "policy": "RulePolicy",
        "confidence": 1.0,
        "action_text": None,
        "hide_rule_turn": True,
    },
    {"event": "slot", "name": "name", "value": ["any", {"thing": 1}]},
    {"event": "active_loop", "name": "form"},
    {"event": "active_loop", "name": None},
    {"event": "loop_interrupted", "is_interrupted": True},
    {"event": "action_execution_rejected", "name": "form", "policy": None, "confidence": 0.5},
    {"event": "user_featurization", "use_text_for_featurization": False},
    {"event": "entities", "entities": [PARSE["entities"][0]]},
    *({"event": name} for name in ("restart", "rewind", "undo", "reset_slots", "pause", "resume")),
    *({"event": name} for name in ("session_started", "session_ended", "export")),
    {"event": "followup", "name": "action_listen"},
    {
        "event": "reminder",
        "intent": "remind",
        "entities": [{"entity": "name", "value": "Ada"}],
        "date_time": "2030-01-01T00:00:00",
        "name": "r",
        "kill_on_user_msg": True,
    },
    {"event": "cancel_reminder"},
    {"event": "agent", "text": "A person.", "data": None},
)
LEGACY = (
    ({"event": "form", "name": "f"}, {"event": "active_loop", "name": "f"}),
    ({"event": "form", "name": None}, {"event": "active_loop", "name": None}),
    (
        {"event": "form_validation", "validate": True},
        {"event": "loop_interrupted", "is_interrupted": False},
    ),
    (
        {"event": "form_validation", "validate": False},
        {"event": "loop_interrupted", "is_interrupted": True},
    ),
)


def read(written: dict[str, Any]) -> Event:
    return msgspec.convert(written, Event)  # type: ignore[arg-type, no-any-return]


@pytest.mark.parametrize("written", WRITTEN, ids=lambda each: each["event"])
def test_an_event_comes_out_as_it_went_in(written: dict[str, Any]):
    given = {**written, **BASE}
    out = event_state(read(given))
    assert _filled(out) == _filled(given)


def _filled(value: Any) -> Any:
    """``value`` without what is None, however deep: Rasa leaves some of it out, we do not."""
    if isinstance(value, dict):
        return {key: _filled(each) for key, each in value.items() if each is not None}
    return [_filled(each) for each in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(("old", "new"), LEGACY)
def test_names_from_before_loops_are_read_and_written_as_rasa_3_calls_them(old, new):
    assert event_state(read({**old, **BASE})) == {**new, **BASE}


@pytest.mark.parametrize(("old", "new"), LEGACY)
def test_names_from_before_loops_do_what_the_new_ones_do(old, new):
    domain = Domain(slots={"name": Slot("name", type="text")})
    tracker = Tracker.start("a", domain).apply(read({"event": "active_loop", "name": "g"}))
    assert tracker.apply(read(old)).active_loop == tracker.apply(read(new)).active_loop


def test_a_timestamp_may_be_null_or_missing():
    assert read({"event": "restart", "timestamp": None}) == read({"event": "restart"})


def test_a_name_that_no_event_has_is_an_error_that_says_so():
    with pytest.raises(msgspec.ValidationError, match="nope"):
        read({"event": "nope"})


def test_no_event_is_left_out_here():
    every = {kind.__struct_config__.tag for kind in get_args(Event)}
    told = {each["event"] for each in WRITTEN} | {old["event"] for old, _ in LEGACY}
    assert told == every
    own = {kind for _, kind in inspect.getmembers(events, inspect.isclass)}
    assert set(get_args(Event)) <= own
