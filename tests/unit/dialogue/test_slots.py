from __future__ import annotations

import pytest

from bot.dialogue.domain import Condition, Domain, EntitySpec, Form, IntentSpec, Mapping, Slot
from bot.dialogue.events import ActionExecutionRejected, ActiveLoop, Event, SlotSet, UserUttered
from bot.dialogue.slots import AskAction, extract
from bot.dialogue.tracker import Tracker
from nlu.parse import Entity, Intent, Parse


def domain(*slots: Slot, forms: tuple[Form, ...] = ()) -> Domain:
    requested = Slot("requested_slot", "text", influence_conversation=False)
    return Domain(
        intents={name: IntentSpec(name) for name in ("inform", "affirm", "book", "chat")},
        entities={"city": EntitySpec("city", roles=("from",)), "people": EntitySpec("people")},
        slots={slot.name: slot for slot in (*slots, requested)},
        forms={form.name: form for form in forms},
    )


def filled(domain: Domain, intent: str, *entities: Entity, before: tuple[Event, ...] = ()) -> dict:
    message = UserUttered(text="the words", parse_data=Parse("", Intent(intent, 1.0), entities))
    tracker = Tracker.start("c", domain).apply_all([*before, message])
    found = extract(tracker, domain)
    return {each.name: each.value for each in found if isinstance(each, SlotSet)}


def city(value: object, role: str | None = None) -> Entity:
    return Entity("city", value, 0, 1, role)


def in_form(requested: str | None = None) -> tuple[Event, ...]:
    return ActiveLoop(name="form"), SlotSet(name="requested_slot", value=requested)


CITY = Mapping("from_entity", entity="city")


def test_the_last_of_several_entities_fills_a_slot_and_all_of_them_a_list():
    bot = domain(Slot("one", "text", (CITY,)), Slot("all", "list", (CITY,)))
    assert filled(bot, "inform", city("Rome"), city("Oslo")) == {
        "one": "Oslo",
        "all": ["Rome", "Oslo"],
    }


def test_a_mapping_without_a_role_takes_no_entity_with_one():
    bot = domain(
        Slot("any", "text", (CITY,)),
        Slot("origin", "text", (Mapping("from_entity", entity="city", role="from"),)),
    )
    assert filled(bot, "inform", city("Rome", "from")) == {"origin": "Rome"}


def test_an_entity_that_the_domain_does_not_know_fills_nothing():
    bot = domain(Slot("x", "text", (Mapping("from_entity", entity="planet"),)))
    assert filled(bot, "inform", Entity("planet", "Mars", 0, 1)) == {}


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (Mapping("from_intent", intent=("affirm",), value=False), {"x": False}),
        (Mapping("from_intent", intent=("chat",), value=False), {}),
        (Mapping("from_intent", not_intent=("affirm",), value=1), {}),
        (Mapping("from_text", intent=("affirm",)), {"x": "the words"}),
        (Mapping("from_text", not_intent=("affirm",)), {}),
        (Mapping("from_intent", intent=("no such",), value=1), {}),
    ],
)
def test_a_mapping_listens_to_its_intents(mapping: Mapping, expected: dict):
    assert filled(domain(Slot("x", "any", (mapping,))), "affirm") == expected


def test_the_first_mapping_with_a_value_wins():
    second = Mapping("from_text")
    bot = domain(Slot("x", "text", (CITY, second)))
    assert filled(bot, "inform", city("Rome")) == {"x": "Rome"}
    assert filled(bot, "inform") == {"x": "the words"}


def test_nothing_is_set_to_nothing_unless_there_was_something():
    bot = domain(Slot("x", "text", (CITY,)))
    assert filled(bot, "inform", city(None)) == {}
    assert filled(bot, "inform", city(None), before=(SlotSet(name="x", value=1),)) == {"x": None}


def test_a_condition_wants_its_loop_and_the_slot_that_was_asked_for():
    when = Condition("form", "x")
    bot = domain(
        Slot("x", "text", (Mapping("from_text", conditions=(when,)),)),
        forms=(Form("form", ("x",)),),
    )
    assert filled(bot, "inform") == {}
    assert filled(bot, "inform", before=in_form("other")) == {}
    assert filled(bot, "inform", before=in_form("x")) == {"x": "the words"}


def test_a_condition_can_want_no_loop():
    bot = domain(
        Slot("x", "text", (Mapping("from_text", conditions=(Condition(None),)),)),
        forms=(Form("form"),),
    )
    assert filled(bot, "inform") == {"x": "the words"}
    assert filled(bot, "inform", before=in_form()) == {}


def test_a_form_does_not_hear_the_intents_it_ignores_unless_a_mapping_names_them():
    form = Form("form", ("x",), ignored_intents=("chat",))
    heard = Mapping("from_intent", intent=("chat",), value="chatted")
    for mapping, expected in ((Mapping("from_text"), {}), (heard, {"x": "chatted"})):
        bot = domain(Slot("x", "any", (mapping,)), forms=(form,))
        assert filled(bot, "chat", before=in_form("x")) == expected


def test_an_entity_for_two_slots_of_a_form_fills_the_one_asked_for():
    bot = domain(
        Slot("origin", "text", (CITY,)),
        Slot("target", "text", (CITY,)),
        forms=(Form("form", ("origin", "target")),),
    )
    assert filled(bot, "inform", city("Rome"), before=in_form("target")) == {"target": "Rome"}
    assert filled(bot, "inform", city("Rome")) == {"origin": "Rome", "target": "Rome"}


def test_a_slot_that_was_refused_is_not_filled_by_its_condition():
    when = Condition("form", "x")
    bot = domain(
        Slot("x", "text", (Mapping("from_text", conditions=(when,)),)),
        forms=(Form("form", ("x",)),),
    )
    refused = (*in_form("x"), ActionExecutionRejected(name="form"))
    assert filled(bot, "inform", before=refused) == {}


def test_a_trigger_intent_fills_while_its_form_begins():
    mapping = Mapping("from_trigger_intent", intent=("book",), value="booked")
    bot = domain(Slot("x", "text", (mapping,)), forms=(Form("form", ("x",)),))
    assert filled(bot, "book") == {}
    assert filled(bot, "book", before=in_form()) == {"x": "booked"}


def test_a_custom_mapping_asks_its_action():
    bot = domain(Slot("x", "any", (Mapping("custom", action="action_x"),)))
    tracker = Tracker.start("c", bot).apply(UserUttered(text="hi"))
    assert list(extract(tracker, bot)) == [AskAction("action_x", "x")]


def test_a_group_counts_as_a_role_does():
    second = Mapping("from_entity", entity="city", group="2")
    bot = domain(Slot("first", "text", (CITY,)), Slot("second", "text", (second,)))
    grouped = Entity("city", "Oslo", 0, 1, None, "2")
    assert filled(bot, "inform", city("Rome"), grouped) == {"first": "Rome", "second": "Oslo"}


@pytest.mark.parametrize("condition", [Condition("form", "other"), Condition("form")])
def test_a_trigger_intent_does_not_wait_to_be_asked_for(condition: Condition):
    mapping = Mapping("from_trigger_intent", intent=("book",), value=1, conditions=(condition,))
    bot = domain(Slot("x", "any", (mapping,)), forms=(Form("form", ("x",)),))
    assert filled(bot, "book", before=in_form("x")) == {"x": 1}


def test_one_condition_that_holds_is_enough():
    conditions = (Condition("other_form"), Condition("form"))
    bot = domain(
        Slot("x", "text", (Mapping("from_text", conditions=conditions),)),
        forms=(Form("form", ("x",)), Form("other_form")),
    )
    assert filled(bot, "inform", before=in_form()) == {"x": "the words"}


@pytest.mark.parametrize("loops", [(), ("form",), ("other_form", "form")])
def test_a_form_ignores_an_intent_for_every_mapping_that_is_its_business(loops: tuple[str, ...]):
    mapping = Mapping("from_text", conditions=tuple(Condition(loop) for loop in loops))
    form = Form("form", ("x",), ignored_intents=("chat",))
    bot = domain(Slot("x", "text", (mapping,)), forms=(form, Form("other_form")))
    assert filled(bot, "chat", before=in_form("x")) == {}
    assert filled(bot, "inform", before=in_form("x")) == {"x": "the words"}


def test_after_a_refusal_other_slots_than_the_one_asked_for_are_filled():
    bot = domain(
        Slot("x", "text", (Mapping("from_text", conditions=(Condition("form"),)),)),
        forms=(Form("form", ("x", "y")),),
    )
    refused = (*in_form("y"), ActionExecutionRejected(name="form"))
    assert filled(bot, "inform", before=refused) == {"x": "the words"}


def test_an_entity_fills_a_slot_that_the_form_does_not_want_too():
    bot = domain(
        Slot("origin", "text", (CITY,)),
        Slot("seen", "text", (CITY,)),
        forms=(Form("form", ("people",)), Form("other_form", ("origin", "people"))),
    )
    for form in ("form", "other_form"):
        before = (ActiveLoop(name=form), SlotSet(name="requested_slot", value="people"))
        found = filled(bot, "inform", city("Rome"), before=before)
        assert found == {"origin": "Rome", "seen": "Rome"}


def test_an_intent_that_the_domain_does_not_know_fills_nothing():
    known = Mapping("from_intent", intent=("chat", "inform"), value=1)
    unknown = Mapping("from_intent", intent=("nobody", "inform"), value=1)
    bot = domain(Slot("x", "any", (unknown,)), Slot("y", "any", (known,)))
    assert filled(bot, "inform") == {"y": 1}


def test_a_payload_is_text_like_any_other():
    bot = domain(Slot("x", "text", (Mapping("from_text"),)))
    payload = UserUttered(text='/inform{"a": 1}', parse_data=Parse("", Intent("inform", 1.0)))
    (found,) = extract(Tracker.start("c", bot).apply(payload), bot)
    assert found == SlotSet(name="x", value='/inform{"a": 1}')
