"""Conversations written as stories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.dialogue.domain import Domain
from bot.dialogue.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from bot.dialogue.tracker import Tracker
from bot.project.report import Report
from bot.project.story_yaml import (
    WrittenStep,
    WrittenStory,
    annotated,
    story_steps,
    write_stories,
)
from bot.project.yaml import read_yaml
from nlu.parse import Entity, Intent, Parse

GOLDEN = Path(__file__).parents[4] / "shared" / "rasa-golden" / "http_api.json"
LISTEN = ActionExecuted(name="action_listen")
START = (ActionExecuted(name="action_session_start"), SessionStarted(), LISTEN)


def said(text: str, intent: str | None = "greet", *entities: Entity, **more: Any) -> UserUttered:
    parse = Parse(text, Intent(intent, 1.0), entities, **more)
    return UserUttered(text=text, parse_data=parse)


def story(*events: Event, name: str = "Ada") -> str:
    """What counts of ``events``, as a file."""
    tracker = Tracker.replay(name, Domain(), events, seq=0)
    applied = [tracker.events[index] for index in tracker.applied]
    return write_stories([WrittenStory(name, story_steps(applied))])


def steps(*events: Event) -> str:
    return story(*START, *events).partition("steps:\n")[2]


def test_a_message_is_told_by_intent_and_text():
    told = story(*START, said("/bye", "bye"), ActionExecuted(name="utter_bye"), LISTEN)
    assert told == (
        'version: "3.1"\nstories:\n- story: Ada\n  steps:\n'
        "  - intent: bye\n    user: |-\n      /bye\n  - action: utter_bye\n"
    )


def test_a_conversation_in_which_nobody_spoke_has_no_steps():
    assert story(*START) == 'version: "3.1"\nstories:\n- story: Ada\n  steps: []\n'


def test_entities_are_annotated_in_the_text():
    city = Entity("city", "rome", 14, 18, role="from")
    told = steps(said("I am Ada from Rome", "greet", Entity("name", "Ada", 5, 8), city))
    assert 'I am [Ada](name) from [Rome]{"entity": "city", "role": "from", "value": "rome"}' in told


def test_an_entity_inside_another_stays_unmarked():
    city, part = Entity("city", "New York", 0, 8), Entity("old", "York", 4, 8)
    assert annotated("New York", [part, city]) == "[New York](city)"


def test_two_entities_of_one_span_are_both_told():
    marked = annotated("Rome", [Entity("city", "Rome", 0, 4), Entity("name", "R", 0, 4)])
    assert marked == '[Rome][{"entity": "city"}, {"entity": "name", "value": "R"}]'


def test_slots_loops_and_end_to_end_actions_are_steps():
    told = steps(
        SlotSet(name="name", value="Ada"),
        SlotSet(name="size", value=None),
        ActiveLoop(name="form"),
        ActiveLoop(name=None),
        ActionExecuted(action_text="Hey: you"),
    )
    assert told == (
        "  - slot_was_set:\n    - name: Ada\n  - slot_was_set:\n    - size: null\n"
        "  - active_loop: form\n  - active_loop: null\n  - bot: 'Hey: you'\n"
    )


def test_what_was_rewound_is_not_told():
    told = steps(said("/hi", "hi"), ActionExecuted(name="utter_no"), UserUtteranceReverted())
    assert "hi" not in told


def test_a_message_without_an_intent_is_told_by_its_text():
    assert steps(said("bla", None)) == "  - user: |-\n      bla\n"


def test_the_answer_that_was_picked_is_the_intent():
    picked = {"faq": {"response": {"intent_response_key": "faq/hours"}}}
    assert "intent: faq/hours" in steps(said("when?", "faq", response_selector=picked))


def test_without_text_entities_are_listed_with_role():
    city = Entity("city", "Rome", 0, 4, role="from")
    [step] = story_steps([said("Rome", "inform", city)], with_text=False)
    assert step == WrittenStep({"intent": "inform", "entities": [{"city": "Rome", "role": "from"}]})


@pytest.mark.parametrize(
    "text",
    ["two\nlines", "  leading", "trailing \n", "bell\a", "tab\tbed", "a: b # c", "'\"", "日本 🎉"],
)
def test_any_text_is_read_back_as_it_was(text: str):
    report = Report()
    root = read_yaml(story(*START, said(text)), "x.yml", report)
    assert not report.problems
    assert root is not None
    [only] = root.plain()["stories"]
    assert only["steps"][0]["user"] == text


def test_a_comment_stands_on_one_line_behind_its_step():
    step = WrittenStep({"action": "utter_a"}, "predicted:\nutter_b")
    written = write_stories([WrittenStory("x", [step])])
    assert "  - action: utter_a  # predicted: utter_b\n" in written


@pytest.mark.skipif(not GOLDEN.is_file(), reason="shared/rasa-golden is absent")
def test_recorded_stories_are_written_as_rasa_wrote_them():
    recorded = json.loads(GOLDEN.read_bytes())["conversations"]
    views = next(each for each in recorded if each["id"] == "tracker_views")["steps"]
    tracker = next(s["json"] for s in views if "APPLIED" in s.get("http", {}).get("path", ""))
    wanted = next(s["text"] for s in views if s.get("http", {}).get("path", "").endswith("/story"))
    for event in tracker["events"]:  # the recording leaves out what is told twice
        event.get("parse_data", {})["text"] = event.get("text")
    events = msgspec.convert(tracker["events"], list[Event])
    found = story(*events, name="{sender}")
    assert found.replace("'{sender}'", "{sender}") == wanted
