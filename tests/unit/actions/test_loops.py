from __future__ import annotations

from random import Random

import pytest

from bot.actions.base import ActionAnswer
from bot.actions.builtin import run_action
from bot.actions.stage import Stage
from bot.dialogue.domain import Condition, Domain, EntitySpec, Form, Mapping, Slot, Variation
from bot.dialogue.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    BotUttered,
    Event,
    LoopInterrupted,
    SlotSet,
    UserUttered,
)
from bot.dialogue.forms import question
from bot.dialogue.tracker import Tracker
from bot.errors import ActionRejected
from nlu.parse import Entity, Intent, Parse

LISTEN = ActionExecuted(name="action_listen")
FORM = ActionExecuted(name="form")
WORDS = Mapping("from_text", conditions=(Condition("form", "note"),))
SLOTS = {
    "people": Slot("people", "any", (Mapping("from_entity", entity="people"),)),
    "note": Slot("note", "text", (WORDS,)),
    "extra": Slot("extra", "text"),
    "requested_slot": Slot("requested_slot", "text", influence_conversation=False),
}
RESPONSES = {
    "utter_ask_people": (Variation("any people"),),
    "utter_ask_form_people": (Variation("How many?"),),
    "utter_ask_note": (Variation("A note for {people}?"),),
    "utter_ask_extra": (Variation("And extra?"),),
}


def domain(*actions: str) -> Domain:
    return Domain(
        entities={"people": EntitySpec("people")},
        slots=SLOTS,
        responses=RESPONSES,
        forms={"form": Form("form", ("people", "note"))},
        actions=actions,
    )


class Validation:
    """A validation action with one answer; remembers the candidates it was given."""

    def __init__(self, *events: Event) -> None:
        self._events = events
        self.candidates: list[list[Event]] = []

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        trailing: list[Event] = []
        for event in reversed(tracker.events):
            if not isinstance(event, SlotSet):
                assert event == FORM  # what rasa-sdk looks for before the candidates
                break
            trailing.insert(0, event)
        self.candidates.append(trailing)
        return ActionAnswer(self._events, ())


def said(people: int | None = None, text: str = "words") -> UserUttered:
    entities = () if people is None else (Entity("people", people, 0, 1),)
    return UserUttered(text=text, parse_data=Parse(text, Intent("inform", 1.0), entities))


def slot(name: str, value: object) -> SlotSet:
    return SlotSet(name=name, value=value)


async def run(*before: Event, validation: Validation | None = None) -> list[Event]:
    bot = domain("validate_form") if validation else domain()
    stage = Stage(bot, validation or Validation(), Random(0), "rest", "1")
    return await run_action("form", Tracker.start("c", bot).apply_all(before), stage)


def words(events: list[Event]) -> list[str | None]:
    return [event.text for event in events if isinstance(event, BotUttered)]


STARTED = (LISTEN, said(), FORM, ActiveLoop(name="form"), slot("requested_slot", "people"), LISTEN)


async def test_it_begins_with_the_first_slot_in_the_words_closest_to_the_form():
    events = await run(LISTEN, said())
    assert events[:2] == [ActiveLoop(name="form"), slot("requested_slot", "people")]
    assert words(events) == ["How many?"]


async def test_it_reads_the_message_that_began_it():
    events = await run(LISTEN, said(4))
    assert slot("people", 4) in events
    assert words(events) == ["A note for 4?"]


async def test_it_asks_on_when_the_slot_is_filled():
    events = await run(*STARTED, said(4), slot("people", 4))
    assert events[0] == slot("requested_slot", "note")


async def test_it_refuses_a_message_that_fills_nothing():
    with pytest.raises(ActionRejected, match="people"):
        await run(*STARTED, said())


async def test_it_ends_when_all_is_filled():
    events = await run(*STARTED, said(4), slot("people", 4), slot("note", "x"))
    assert events == [slot("requested_slot", None), ActiveLoop(name=None)]


async def test_after_an_interruption_it_asks_again_and_refuses_nothing():
    events = await run(*STARTED, said(), LoopInterrupted(is_interrupted=True))
    assert words(events) == ["How many?"]
    events = await run(*STARTED, said(), ActionExecuted(name="utter_chat"))
    assert words(events) == ["How many?"]


async def test_candidates_are_validated_and_what_is_wrong_is_asked_again():
    validation = Validation(slot("people", None))
    events = await run(*STARTED, said(99), slot("people", 99), validation=validation)
    assert validation.candidates == [[slot("people", 99)]]
    assert events[:2] == [slot("people", None), slot("requested_slot", "people")]
    assert words(events) == ["How many?"]


async def test_validation_may_choose_the_next_slot():
    validation = Validation(slot("people", 4), slot("requested_slot", "extra"))
    events = await run(*STARTED, said(4), slot("people", 4), validation=validation)
    assert words(events) == ["And extra?"]
    assert events.count(slot("requested_slot", "extra")) == 1


@pytest.mark.parametrize("end", [slot("requested_slot", None), ActiveLoop(name=None)])
async def test_validation_may_end_the_form_early(end: Event):
    events = await run(*STARTED, said(4), slot("people", 4), validation=Validation(end))
    assert words(events) == []
    assert events[-2:] == [slot("requested_slot", None), ActiveLoop(name=None)]


async def test_validation_may_refuse():
    refusal = ActionExecutionRejected(name="form")
    events = await run(*STARTED, said(4), slot("people", 4), validation=Validation(refusal))
    assert events == [refusal]


async def test_what_is_known_before_is_validated_when_it_begins():
    validation = Validation()
    await run(slot("people", 2), LISTEN, said(), validation=validation)
    assert validation.candidates == [[slot("people", 2)]]


async def test_what_is_filled_from_the_start_is_not_asked_for():
    events = await run(slot("people", 4), slot("note", "x"), LISTEN, said())
    assert events == [
        *(ActiveLoop(name="form"), slot("requested_slot", None), ActiveLoop(name=None)),
    ]


async def test_an_answer_to_what_validation_asked_for_is_a_candidate():
    asked = (*STARTED[:-1], slot("requested_slot", "extra"), LISTEN, said(), slot("extra", "y"))
    validation = Validation()
    await run(*asked, validation=validation)
    assert validation.candidates == [[slot("extra", "y")]]


@pytest.mark.parametrize(
    "since", [LoopInterrupted(is_interrupted=True), ActionExecuted(name="utter_chat")]
)
async def test_after_an_interruption_validation_chooses_without_candidates(since: Event):
    validation = Validation(slot("requested_slot", "extra"))
    events = await run(*STARTED, said(4), slot("people", 4), since, validation=validation)
    assert validation.candidates == [[]]
    assert words(events) == ["And extra?"]


async def test_only_what_was_filled_since_the_message_is_an_answer():
    before = (*STARTED[:-1], slot("note", "early"), LISTEN, said(4), slot("people", 4))
    validation = Validation()
    await run(*before, validation=validation)
    assert validation.candidates == [[slot("people", 4)]]


@pytest.mark.parametrize(
    ("known", "asks"),
    [
        (4, "action_ask_form_people"),
        (3, "utter_ask_form_people"),
        (2, "action_ask_people"),
        (1, "utter_ask_people"),
        (0, None),
    ],
)
def test_a_question_of_the_form_comes_first_and_an_action_before_a_response(
    known: int, asks: str | None
):
    names = ("utter_ask_people", "action_ask_people", "utter_ask_form_people")
    there = (*names, "action_ask_form_people")[:known]
    bot = Domain(
        responses={name: (Variation("?"),) for name in there if name.startswith("utter_")},
        actions=tuple(name for name in there if name.startswith("action_")),
    )
    assert question(Form("form", ("people",)), "people", bot) == asks


async def test_a_slot_that_nothing_asks_for_is_waited_for_in_silence():
    bot = Domain(slots=SLOTS, forms={"form": Form("form", ("people",))})
    stage = Stage(bot, Validation(), Random(0), "rest", "1")
    tracker = Tracker.start("c", bot).apply_all([LISTEN, said()])
    events = await run_action("form", tracker, stage)
    assert events == [ActiveLoop(name="form"), slot("requested_slot", "people")]


@pytest.mark.parametrize("end", [slot("requested_slot", None), ActiveLoop(name=None)])
async def test_validation_may_end_the_form_as_it_begins(end: Event):
    events = await run(LISTEN, said(4), validation=Validation(end))
    assert words(events) == []
    assert (events[0], events[-1]) == (ActiveLoop(name="form"), ActiveLoop(name=None))
