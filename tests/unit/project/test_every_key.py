"""Each key of the YAML formats, one by one: what it comes to."""

from __future__ import annotations

from typing import Any

import pytest

from bot.dialogue.domain import (
    Condition,
    Domain,
    EntitySpec,
    Form,
    IntentSpec,
    Mapping,
    SessionConfig,
    Slot,
    SlotCondition,
    Variation,
)
from bot.dialogue.events import SlotSet
from bot.dialogue.paths import story_events
from bot.dialogue.stories import (
    ActionStep,
    CheckpointStep,
    LoopStep,
    OrStep,
    SlotStep,
    Step,
    Story,
    StoryEntity,
    UserStep,
)
from bot.project.load import load_project
from bot.project.project import Example, ExampleEntity, NluData, Project
from tests.unit.project.conftest import Write

NAMES = """\
version: "3.1"
intents: [greet, order, faq, a+b]
entities: [city, {dish: {roles: [main], groups: ["1"]}}]
slots:
  size: {type: text, mappings: [{type: custom}]}
  table: {type: bool, mappings: [{type: custom}]}
forms: {order_form: {required_slots: [size]}}
actions: [action_do]
responses: {utter_greet: [{text: Hello}], utter_faq/hours: [{text: Always}]}
"""


def domain_of(write: Write, text: str) -> Domain:
    return load_project(write(text)).domain


def data_of(write: Write, text: str) -> Project:
    return load_project(write(NAMES, **{"data/all.yml": text}))


def nlu_of(write: Write, text: str) -> NluData:
    return data_of(write, f"nlu:\n{text}").nlu


def slot_of(write: Write, text: str) -> Slot:
    return domain_of(write, f"entities: [city]\nslots:\n  s: {text}\n").slots["s"]


def variation_of(write: Write, text: str) -> Variation:
    return domain_of(write, f"responses:\n  utter_a:\n  - {text}\n").responses["utter_a"][0]


def story_of(write: Write, text: str, kind: str = "story") -> Story:
    section = {"story": "stories", "rule": "rules"}[kind]
    return data_of(write, f"{section}:\n- {kind}: one\n{text}").stories[0]


# NLU data


@pytest.mark.parametrize(
    ("written", "text", "entities"),
    [
        ("to [Rome](city)", "to Rome", (ExampleEntity(3, 7, "city", "Rome"),)),
        ("to [Roma](city:Rome)", "to Roma", (ExampleEntity(3, 7, "city", "Rome"),)),
        (
            'to [Roma]{"entity": "city", "role": "to", "group": "1", "value": "Rome"}',
            "to Roma",
            (ExampleEntity(3, 7, "city", "Rome", "to", "1"),),
        ),
        (
            'to [Rome][{"entity": "city"}, {"entity": "dish", "role": "main"}]',
            "to Rome",
            (ExampleEntity(3, 7, "city", "Rome"), ExampleEntity(3, 7, "dish", "Rome", "main")),
        ),
        ("no [markup] here", "no [markup] here", ()),
    ],
)
def test_an_annotation(
    write: Write, written: str, text: str, entities: tuple[ExampleEntity, ...]
) -> None:
    (example,) = nlu_of(write, f"- intent: order\n  examples: |\n    - {written}\n").examples
    assert (example.text, example.entities) == (text, entities)


def test_an_annotation_with_a_value_is_a_synonym(write: Write) -> None:
    assert nlu_of(write, "- intent: order\n  examples: |\n    - [Roma](city:Rome)\n").synonyms == {
        "Roma": "Rome"
    }


@pytest.mark.parametrize("intent", ["greet", "faq/hours", "a+b"])
def test_an_intent_keeps_its_whole_name(write: Write, intent: str) -> None:
    (example,) = nlu_of(write, f"- intent: {intent}\n  examples: |\n    - hi\n").examples
    assert example.intent == intent


def test_metadata_of_an_example_comes_before_that_of_its_intent(write: Write) -> None:
    text = (
        "- intent: greet\n  metadata: {tone: warm, from: us}\n  examples:\n"
        "  - text: hi\n    metadata: {tone: cold}\n  - text: ho\n  - hey\n"
    )
    assert nlu_of(write, text).examples == (
        Example("hi", "greet", (), {"tone": "cold", "from": "us"}, "data/all.yml", 5),
        Example("ho", "greet", (), {"tone": "warm", "from": "us"}, "data/all.yml", 7),
        Example("hey", "greet", (), {"tone": "warm", "from": "us"}, "data/all.yml", 8),
    )


def test_an_example_over_several_lines_is_one_text(write: Write) -> None:
    text = "- intent: greet\n  examples:\n  - text: |-\n      hi\n      there\n"
    assert nlu_of(write, text).examples[0].text == "hi\nthere"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("- synonym: NYC\n  examples: |\n    - New York\n    - big apple\n", "synonyms"),
        ("- regex: city\n  examples: |\n    - \\d+\n    - [a-z]+\n", "regexes"),
        ("- lookup: city\n  examples: |\n    - Rome\n    - Bonn\n", "lookups"),
        ("- lookup: city\n  examples: [Rome, Bonn]\n", "lookups"),
        ("- lookup: city\n  examples: data/cities.txt\n", "lookups"),
        ("- lookup: city\n  examples: cities.txt\n", "lookups"),
    ],
)
def test_what_else_nlu_data_holds(write: Write, written: str, found: str) -> None:
    write(**{"data/cities.txt": "Rome\n\nBonn\n"})
    values = getattr(nlu_of(write, written), found)
    if found == "synonyms":
        assert values == {"New York": "NYC", "big apple": "NYC"}
    elif found == "regexes":
        assert [(each.name, each.patterns) for each in values] == [("city", (r"\d+", "[a-z]+"))]
    else:
        assert [(each.name, each.values) for each in values] == [("city", ("Rome", "Bonn"))]


@pytest.mark.parametrize("version", ['"3.0"', '"3.1"', "3.1", '"2.0"'])
def test_a_file_of_this_version_is_read(write: Write, version: str) -> None:
    text = f"version: {version}\nnlu:\n- intent: greet\n  examples: |\n    - hi\n"
    assert len(data_of(write, text).nlu.examples) == 1


def test_a_file_without_a_version_is_read(write: Write) -> None:
    assert nlu_of(write, "- intent: greet\n  examples: |\n    - hi\n").examples


def test_a_file_of_a_newer_version_is_passed_over_and_told(write: Write) -> None:
    project = data_of(write, 'version: "3.2"\nnlu:\n- intent: greet\n  examples: |\n    - hi\n')
    assert project.nlu.examples == ()
    assert project.warnings[0].startswith("data/all.yml:1:10: the version 3.2 is newer than 3.1")


def test_one_file_may_hold_everything(write: Write) -> None:
    project = data_of(
        write,
        "nlu:\n- intent: greet\n  examples: |\n    - hi\n"
        "stories:\n- story: s\n  steps: [{intent: greet}, {action: utter_new}]\n"
        "rules:\n- rule: r\n  steps: [{intent: order}, {action: utter_new}]\n"
        "responses:\n  utter_new: [{text: New}]\n",
    )
    assert len(project.nlu.examples) == 1
    assert [story.is_rule for story in project.stories] == [False, True]
    assert project.domain.responses["utter_new"] == (Variation("New"),)


# The domain


@pytest.mark.parametrize(
    ("written", "spec"),
    [
        ("greet", IntentSpec("greet")),
        ("greet: {use_entities: true}", IntentSpec("greet")),
        ("greet: {use_entities: []}", IntentSpec("greet", ())),
        ("greet: {use_entities: false}", IntentSpec("greet", ())),
        ("greet: {use_entities: [city]}", IntentSpec("greet", ("city",))),
        ("greet: {ignore_entities: [city]}", IntentSpec("greet", None, ("city",))),
        ("faq: {is_retrieval_intent: true}", IntentSpec("faq")),
    ],
)
def test_an_intent(write: Write, written: str, spec: IntentSpec) -> None:
    domain = domain_of(write, f"entities: [city]\nintents:\n- {written}\n")
    assert domain.intents == {spec.name: spec}


@pytest.mark.parametrize(
    ("written", "spec"),
    [
        ("city", EntitySpec("city")),
        ("city: {roles: [from, to]}", EntitySpec("city", ("from", "to"))),
        ("city: {groups: [a, '1']}", EntitySpec("city", (), ("a", "1"))),
        ("city: {influence_conversation: false}", EntitySpec("city", (), (), False)),
    ],
)
def test_an_entity(write: Write, written: str, spec: EntitySpec) -> None:
    assert domain_of(write, f"entities:\n- {written}\n").entities == {"city": spec}


CUSTOM = (Mapping("custom"),)


@pytest.mark.parametrize(
    ("written", "slot"),
    [
        ("type: text", Slot("s", "text", CUSTOM)),
        ("type: bool, initial_value: true", Slot("s", "bool", CUSTOM, True)),
        (
            "type: categorical, values: [low, 3]",
            Slot("s", "categorical", CUSTOM, values=("low", 3)),
        ),
        (
            "type: float, min_value: -1, max_value: 2.5",
            Slot("s", "float", CUSTOM, min_value=-1.0, max_value=2.5),
        ),
        ("type: list, initial_value: [a]", Slot("s", "list", CUSTOM, ["a"])),
        ("type: any", Slot("s", "any", CUSTOM, None, False)),
        ("type: any, influence_conversation: false", Slot("s", "any", CUSTOM, None, False)),
        ("type: text, influence_conversation: false", Slot("s", "text", CUSTOM, None, False)),
        ("type: rasa.shared.core.slots.TextSlot", Slot("s", "text", CUSTOM)),
        ("type: rasa.shared.core.slots.BooleanSlot", Slot("s", "bool", CUSTOM)),
    ],
)
def test_a_slot(write: Write, written: str, slot: Slot) -> None:
    assert slot_of(write, f"{{{written}, mappings: [{{type: custom}}]}}") == slot


def test_a_slot_type_of_ones_own_is_any_and_told(write: Write) -> None:
    text = "slots: {s: {type: my.slots.Party, most: 7, influence_conversation: true, mappings: []}}"
    project = load_project(write(text))
    assert project.domain.slots["s"] == Slot("s", "any", (), None, False)
    assert project.warnings == (
        "domain.yml:1:19: slot 's' is of the Python class 'my.slots.Party', which is not run here: "
        "it is read as any, remembered and filled, and does not influence the conversation. "
        "Types that do: bool, categorical, float, list, text.",
    )
    assert project.domain.raw["slots"]["s"]["type"] == "my.slots.Party"


@pytest.mark.parametrize(
    ("written", "mapping"),
    [
        ("type: from_entity, entity: city", Mapping("from_entity", "city")),
        (
            "type: from_entity, entity: city, role: to, group: a",
            Mapping("from_entity", "city", "to", "a"),
        ),
        (
            "type: from_entity, entity: city, intent: [restart, back], not_intent: []",
            Mapping("from_entity", "city", intent=("restart", "back")),
        ),
        (
            "type: from_entity, entity: city, not_intent: restart",
            Mapping("from_entity", "city", not_intent=("restart",)),
        ),
        (
            "type: from_intent, intent: restart, value: {a: [1]}",
            Mapping("from_intent", intent=("restart",), value={"a": [1]}),
        ),
        (
            "type: from_trigger_intent, not_intent: restart, value: false",
            Mapping("from_trigger_intent", not_intent=("restart",), value=False),
        ),
        ("type: from_text, not_intent: restart", Mapping("from_text", not_intent=("restart",))),
        ("type: custom, action: action_a", Mapping("custom", action="action_a")),
        ("type: custom", Mapping("custom")),
        (
            "type: from_text, conditions: [{active_loop: f, requested_slot: s}, "
            "{active_loop: null}]",
            Mapping("from_text", conditions=(Condition("f", "s"), Condition(None))),
        ),
    ],
)
def test_a_mapping(write: Write, written: str, mapping: Mapping) -> None:
    domain = domain_of(
        write,
        "entities: [city]\nactions: [action_a]\nforms: {f: {required_slots: [s]}}\n"
        f"slots:\n  s: {{type: any, mappings: [{{{written}}}]}}\n",
    )
    assert domain.slots["s"].mappings == (mapping,)


@pytest.mark.parametrize(
    ("written", "variation"),
    [
        ("text: Hello", Variation("Hello")),
        ("{text: Hello, id: '7'}", Variation("Hello", id="7")),
        ("{text: Hello, channel: slack}", Variation("Hello", channel="slack")),
        ("{text: Hello, image: 'http://a/b.png'}", Variation("Hello", image="http://a/b.png")),
        (
            "{text: Hello, buttons: [{title: Yes, payload: /yes, type: web_url}]}",
            Variation("Hello", buttons=({"title": "Yes", "payload": "/yes", "type": "web_url"},)),
        ),
        ("{text: Hi, button_type: vertical}", Variation("Hi", extra={"button_type": "vertical"})),
        (
            "{text: Hi, quick_replies: [{title: A}]}",
            Variation("Hi", quick_replies=({"title": "A"},)),
        ),
        ("{text: Hi, elements: [{title: A}]}", Variation("Hi", elements=({"title": "A"},))),
        ("{text: Hi, attachment: {url: u}}", Variation("Hi", attachment={"url": "u"})),
        ("{custom: {blocks: [{a: 1}]}}", Variation(custom={"blocks": [{"a": 1}]})),
        ("{text: Hi, metadata: {a: {b: 1}}}", Variation("Hi", metadata={"a": {"b": 1}})),
        (
            "{text: Hi, condition: [{type: slot, name: session_started_metadata, value: 3}]}",
            Variation("Hi", condition=(SlotCondition("session_started_metadata", 3),)),
        ),
    ],
)
def test_a_variation_of_a_response(write: Write, written: str, variation: Variation) -> None:
    assert variation_of(write, written) == variation


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("f:", Form("f")),
        ("f: {}", Form("f")),
        ("f: {required_slots: []}", Form("f")),
        ("f: {required_slots: [s]}", Form("f", ("s",))),
        (
            "f: {required_slots: [s], ignored_intents: restart}",
            Form("f", ("s",), ("restart",)),
        ),
        (
            "f: {required_slots: [s], ignored_intents: [restart, back]}",
            Form("f", ("s",), ("restart", "back")),
        ),
    ],
)
def test_a_form(write: Write, written: str, form: Form) -> None:
    domain = domain_of(write, f"slots: {{s: {{type: text, mappings: []}}}}\nforms:\n  {written}\n")
    assert domain.forms == {"f": form}


@pytest.mark.parametrize(
    ("written", "session"),
    [
        ("{}", SessionConfig(60.0, True)),
        ("{session_expiration_time: 0}", SessionConfig(0.0, True)),
        ("{session_expiration_time: 0.25}", SessionConfig(0.25, True)),
        ("{carry_over_slots_to_new_session: false}", SessionConfig(60.0, False)),
    ],
)
def test_a_session_config(write: Write, written: str, session: SessionConfig) -> None:
    assert domain_of(write, f"intents: [a]\nsession_config: {written}\n").session == session


def test_actions_and_which_of_them_are_sent_the_domain(write: Write) -> None:
    domain = domain_of(write, "actions: [action_a, {action_b: {send_domain: true}}]\n")
    assert (domain.actions, domain.send_domain) == (("action_a", "action_b"), {"action_b"})


def test_the_rest_of_a_domain(write: Write) -> None:
    domain = domain_of(
        write,
        "intents: [a]\ne2e_actions: ['Here you are', 'Here you are']\n"
        "config: {store_entities_as_slots: false}\nactions: [action_query_knowledge_base]\n",
    )
    assert domain.e2e_actions == ("Here you are",)
    assert not domain.stores_entities
    assert {name for name in domain.slots if name.startswith("knowledge_base_")} == {
        "knowledge_base_listed_objects",
        "knowledge_base_last_object",
        "knowledge_base_last_object_type",
    }


@pytest.mark.parametrize(("written", "filled"), [("true", ["Rome"]), ("false", [])])
def test_entities_of_a_story_fill_slots_unless_the_domain_says_no(
    write: Write, written: str, filled: list[str]
) -> None:
    domain = (
        "intents: [go]\nentities: [city]\nactions: [action_do]\n"
        "slots: {city: {type: text, mappings: [{type: from_entity, entity: city}]}}\n"
        f"config: {{store_entities_as_slots: {written}}}\n"
    )
    steps = "[{intent: go, entities: [city: Rome]}, {action: action_do}]"
    story = f"stories:\n- story: s\n  steps: {steps}\n"
    project = load_project(write(domain, **{"data/s.yml": story}))
    (events,) = story_events(project.stories, project.domain)
    assert [event.value for event in events if isinstance(event, SlotSet)] == filled


def test_of_a_split_domain_the_first_value_counts_and_another_one_is_told(write: Write) -> None:
    folder = write(
        None,
        **{
            "domain/a.yml": "intents: [a]\nresponses: {utter_a: [{text: first}]}\n"
            "session_config: {session_expiration_time: 60}\n",
            "domain/deep/down/b.yml": "intents: [a, b]\nresponses: {utter_a: [{text: second}]}\n"
            "session_config: {session_expiration_time: 5}\n",
        },
    )
    project = load_project(folder)
    assert list(project.domain.intents) == ["a", "b"]
    assert project.domain.responses["utter_a"][0].text == "first"
    assert project.domain.session.expiration_minutes == 5  # the other is what is there anyway
    assert project.warnings == (
        "domain/deep/down/b.yml:2:13: 'utter_a' stands twice under responses; first in "
        "domain/a.yml:2. The first one counts.",
    )


# Stories and rules


@pytest.mark.parametrize(
    ("written", "step"),
    [
        ("intent: greet", UserStep("greet")),
        ("intent: faq/hours", UserStep("faq/hours")),
        ("{intent: order, entities: [city]}", UserStep("order", (StoryEntity("city"),))),
        (
            "{intent: order, entities: [{dish: soup, role: main, group: '1'}]}",
            UserStep("order", (StoryEntity("dish", "soup", "main", "1"),)),
        ),
        ("user: hello there", UserStep(text="hello there")),
        (
            "user: to [Rome](city)",
            UserStep(text="to Rome", entities=(StoryEntity("city", "Rome"),)),
        ),
        ("{user: hello, intent: greet}", UserStep("greet")),
        ("action: action_do", ActionStep("action_do")),
        ("bot: Here you are", ActionStep(bot_text="Here you are")),
        ("slot_was_set: [size]", SlotStep("size", has_value=False)),
        ("slot_was_set: {size: large}", SlotStep("size", "large")),
        ("slot_was_set: [{size: null}]", SlotStep("size", None)),
        ("slot_was_set: [{table: true}]", SlotStep("table", True)),
        ("active_loop: order_form", LoopStep("order_form")),
        ("active_loop: null", LoopStep(None)),
        ("active_loop:", LoopStep(None)),
        ("checkpoint: here", CheckpointStep("here")),
        (
            "{checkpoint: here, slot_was_set: [{size: large}]}",
            CheckpointStep("here", (SlotStep("size", "large"),)),
        ),
        ("or: [{intent: greet}, {intent: order}]", OrStep((UserStep("greet"), UserStep("order")))),
        (
            "or: [{slot_was_set: [{size: a}]}, {slot_was_set: [{size: b}]}]",
            OrStep(((SlotStep("size", "a"),), (SlotStep("size", "b"),))),
        ),
        ("{action: action_do, metadata: {seen: 3}}", ActionStep("action_do")),
    ],
)
def test_a_step(write: Write, written: str, step: Step) -> None:
    assert story_of(write, f"  metadata: {{a: 1}}\n  steps:\n  - {written}\n").steps == (step,)


@pytest.mark.parametrize(
    ("written", "key", "value"),
    [
        ("conversation_start: true", "conversation_start", True),
        ("wait_for_user_input: false", "wait_for_user_input", False),
        ("condition: [{active_loop: order_form}]", "condition", (LoopStep("order_form"),)),
        ("condition: [active_loop: null]", "condition", (LoopStep(None),)),
        (
            "condition: [{slot_was_set: [{size: large}, {table: false}]}]",
            "condition",
            (SlotStep("size", "large"), SlotStep("table", False)),
        ),
        ("metadata: {a: 1}", "is_rule", True),
    ],
)
def test_a_rule(write: Write, written: str, key: str, value: Any) -> None:
    text = f"  {written}\n  steps: [{{intent: greet}}, {{action: action_do}}]\n"
    assert getattr(story_of(write, text, "rule"), key) == value


def test_what_the_bot_says_in_a_story_is_an_action(write: Write) -> None:
    text = "stories:\n- story: s\n  steps: [{user: hi}, {bot: Hi there}, {bot: Hi there}]\n"
    domain = data_of(write, text).domain
    assert domain.e2e_actions == ("Hi there",)
    assert domain.raw["e2e_actions"] == ["Hi there"]


def test_what_a_user_says_in_a_story_beside_an_intent_is_an_example(write: Write) -> None:
    project = data_of(
        write,
        "nlu:\n- intent: order\n  examples: |\n    - soup\n"
        "stories:\n- story: s\n  steps:\n"
        "  - {user: 'to [Rome](city)', intent: order, entities: [{city: Rome}]}\n"
        "  - user: only text\n  - {user: soup, intent: order}\n",
    )
    assert project.nlu.examples == (
        Example("soup", "order", file="data/all.yml", line=4),
        Example("to Rome", "order", (ExampleEntity(3, 7, "city", "Rome"),), {}, "data/all.yml", 8),
    )
    assert project.stories[0].steps[0] == UserStep("order", (StoryEntity("city", "Rome"),))


def test_an_event_told_as_an_action_is_passed_over_and_told(write: Write) -> None:
    project = data_of(
        write, "stories:\n- story: s\n  steps: [{intent: greet}, {action: restart}]\n"
    )
    assert project.stories[0].steps == (UserStep("greet"),)
    assert "tells the event 'restart' as an action" in project.warnings[0]
