"""Names defined for nothing, used in vain, or meant otherwise."""

from __future__ import annotations

import pytest

from bot.project.check import check_project
from bot.project.names import did_you_mean
from bot.project.report import Problem
from tests.unit.project.conftest import Write

CONFIG = "policies:\n- name: RulePolicy\n- name: MemoizationPolicy\n"
GREETING = "- rule: greet\n  steps:\n  - intent: greet\n  - action: utter_greet\n"
NLU = "nlu:\n- intent: greet\n  examples: |\n    - hi\n    - hello [Ann](name)\n"


def codes(
    write: Write, domain: str, data: str = "", intents: str = "greet", **files: str
) -> list[str]:
    """``code place: message`` of what is found in a greeting bot with ``domain`` and ``data``."""
    whole = f"intents: [{intents}]\nentities: [name]\n"
    whole += f"responses:\n  utter_greet: [{{text: Hi}}]\n{domain}"
    nlu = data if "nlu:" in data else f"{NLU}{data}"
    rules = f"{nlu}rules:\n{GREETING}" if "rules:" not in data else nlu
    folder = write(whole, **{"config.yml": CONFIG, "data/all.yml": rules, **files})
    found = [p for p in check_project(folder, environ={}) if p.code != "read"]
    return [f"{p.code} {p.file}:{p.line}: {p.message} {p.suggestion}" for p in found]


SLOT = "slots: {name: {type: text, mappings: [{type: from_entity, entity: name}]}}\n"


def has(found: list[str], code: str, text: str) -> bool:
    """Whether ``code`` was found with ``text`` in its line."""
    return any(line.startswith(f"{code} ") and text in line for line in found)


def test_an_intent_that_nothing_answers_is_unused(write: Write) -> None:
    found = codes(write, "", "nlu:\n- intent: greet\n  examples: |\n    - a\n    - b\nrules: []\n")
    assert has(found, "intent-unused", "domain.yml:1: the intent 'greet' is used by no story")


@pytest.mark.parametrize(
    "use",
    [
        "forms: {f: {required_slots: [], ignored_intents: greet}}\n",
        "slots: {s: {type: text, mappings: [{type: from_intent, intent: greet, value: x}]}}\n",
        SLOT,  # its examples mark what fills a slot
    ],
)
def test_an_intent_of_a_form_or_slot_is_used(write: Write, use: str) -> None:
    assert not has(codes(write, use, f"{NLU}rules: []\n"), "intent-unused", "greet")


@pytest.mark.parametrize(("payload", "needed"), [("/yes", False), ("/no", True)])
def test_an_intent_that_a_button_sends_needs_no_examples(
    write: Write, payload: str, needed: bool
) -> None:
    domain = f"  utter_ask: [{{text: Ok?, buttons: [{{title: Yes, payload: {payload}}}]}}]\n"
    found = codes(write, domain, intents="greet, yes")
    assert has(found, "intent-without-examples", "'yes'") == needed


def test_an_entity_that_a_slot_waits_for_must_be_found(write: Write) -> None:
    found = codes(write, SLOT, NLU.replace("[Ann](name)", "Ann"))
    assert has(found, "entity-not-found", "'name', which the slot 'name' waits for")


def test_an_entity_that_a_lookup_or_another_extractor_finds_is_found(write: Write) -> None:
    plain = NLU.replace("[Ann](name)", "Ann")
    lookup = f"{plain}- lookup: name\n  examples: |\n    - Ann\n"
    assert not has(codes(write, SLOT, lookup), "entity-not-found", "")
    config = f"{CONFIG}pipeline:\n- name: DucklingEntityExtractor\n"
    assert not has(codes(write, SLOT, plain, **{"config.yml": config}), "entity-not-found", "")


def test_an_entity_that_nothing_names_is_unused(write: Write) -> None:
    found = codes(write, "", NLU.replace("[Ann](name)", "Ann"))
    assert has(found, "entity-unused", "domain.yml:2: the entity 'name' is used by no example")


def test_a_slot_that_nothing_reads_is_unused(write: Write) -> None:
    assert has(codes(write, SLOT), "slot-unused", "domain.yml:5: the slot 'name'")


@pytest.mark.parametrize(
    "more",
    [
        "  utter_x: [{text: 'Hi {name}'}]\n",
        "forms: {f: {required_slots: [name]}}\n",
        "actions: [action_elsewhere]\n",  # whose code may read it
    ],
)
def test_a_slot_that_something_reads_is_used(write: Write, more: str) -> None:
    domain = more + SLOT if more.startswith("  ") else SLOT + more
    assert not has(codes(write, domain), "slot-unused", "")


def test_a_featurised_slot_of_a_told_entity_is_used(write: Write) -> None:
    told = GREETING.replace("intent: greet\n", "intent: greet\n    entities: [name]\n")
    assert not has(codes(write, SLOT, f"{NLU}rules:\n{told}"), "slot-unused", "")


def test_a_value_that_a_slot_cannot_have_is_named_with_the_one_meant(write: Write) -> None:
    domain = "slots: {size: {type: categorical, values: [small, large], mappings: []}}\n"
    rule = f"rules:\n{GREETING}  condition:\n  - slot_was_set: [{{size: smal}}]\n"
    found = codes(write, domain, f"{NLU}{rule}")
    assert has(
        found, "slot-value", "to 'smal', which is not among its values. Did you mean 'small'?"
    )


def test_a_response_that_an_action_elsewhere_may_say_is_a_note(write: Write) -> None:
    domain = "  utter_extra: [{text: Extra}]\n"
    (alone,) = [p for p in check(write, domain) if p.code == "response-unused"]
    (elsewhere,) = [
        p for p in check(write, f"{domain}actions: [action_far]\n") if p.code == "response-unused"
    ]
    assert (alone.severity, elsewhere.severity) == ("warning", "note")
    assert "the code of the actions is not in the project" in elsewhere.message


def check(write: Write, domain: str) -> list[Problem]:
    whole = f"intents: [greet]\nresponses:\n  utter_greet: [{{text: Hi}}]\n{domain}"
    data = f"{NLU}rules:\n{GREETING}"
    return check_project(write(whole, **{"config.yml": CONFIG, "data/all.yml": data}), environ={})


def test_an_action_no_code_knows_is_named_with_the_one_meant(write: Write) -> None:
    code = 'class A:\n    def name(self): return "action_order"\n'
    rule = f"{GREETING}  - action: action_order\n- rule: b\n  steps:\n  - action: action_ordr\n"
    found = codes(
        write,
        "actions: [action_order, action_ordr]\n",
        f"{NLU}rules:\n{rule}",
        **{"actions.py": code},
    )
    assert has(found, "action-without-code", "'action_ordr' is not in the project's code. Did you")
    assert not has(found, "action-without-code", "the action 'action_order'")


def test_an_action_that_nothing_calls_is_unused(write: Write) -> None:
    code = 'class A:\n    def name(self): return "action_order"\n'
    found = codes(write, "actions: [action_order]\n", **{"actions.py": code})
    assert has(found, "action-unused", "'action_order' is used by no story")
    following = f'{code}FollowupAction("action_order")\n'
    found = codes(write, "actions: [action_order]\n", **{"actions.py": following})
    assert not has(found, "action-unused", "")


FORM = "forms: {f: {required_slots: [name]}}\n"


def test_a_form_needs_a_start_a_question_and_a_filling(write: Write) -> None:
    slot = SLOT.replace("entity: name}", "entity: name, conditions: [{active_loop: g}]}")
    found = codes(write, f"{slot}{FORM}")
    assert has(found, "form-unused", "no story, rule or action starts the form 'f'")
    assert has(found, "form-slot-not-asked", "no way to ask for 'name'. Add the response utter_ask")
    assert has(found, "form-slot-not-filled", "nothing fills the slot 'name' while the form 'f'")


def test_a_form_with_all_of_it_is_fine(write: Write) -> None:
    rule = f"{GREETING}  - action: f\n  - active_loop: f\n"
    domain = f"  utter_ask_f_name: [{{text: Who?}}]\n{SLOT}{FORM}"
    assert codes(write, domain, f"{NLU}rules:\n{rule}") == []


def test_a_slot_with_an_initial_value_is_not_asked_for(write: Write) -> None:
    domain = f"{SLOT.replace('type: text', 'type: text, initial_value: Ann')}{FORM}"
    assert not has(codes(write, domain), "form-slot-not-asked", "")


def test_a_mapping_that_waits_for_a_form_which_does_not_ask_is_named(write: Write) -> None:
    slot = SLOT.replace("entity: name}", "entity: name, conditions: [{active_loop: f}]}")
    domain = f"{slot}forms: {{f: {{required_slots: []}}}}\n"
    assert has(codes(write, domain), "slot-not-of-form", "waits for the form 'f', whose required_")
    dynamic = codes(write, f"{domain}actions: [validate_f]\n")
    assert has(dynamic, "slot-not-of-form", "That is well if validate_f asks for it.")


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (
            "/gret",
            "sends the intent 'gret', which the domain does not define. Did you mean 'greet'",
        ),
        ('/greet{"nam": "x"}', "sends the entity 'nam', which the domain does not define. Did you"),
        ('/greet{{"nam": "{name}"}}', "sends the entity 'nam'"),
        ("/greet{nam: x}", "sends entities that are not a JSON object"),
        ("greet", "Write /greet to send the intent."),
    ],
)
def test_a_button_sends_what_the_bot_knows(write: Write, payload: str, message: str) -> None:
    button = f"[{{title: Yes, payload: '{payload}'}}]"
    found = codes(write, f"  utter_ask:\n  - text: Ok?\n    buttons: {button}\n{SLOT}")
    assert has(found, "payload", message)
    assert has(found, "payload", "domain.yml:7: a button of the response 'utter_ask'")


@pytest.mark.parametrize(
    "payload", ["/greet", '/greet{"name": "x"}', '/greet{{"name": "{name}"}}', "hello", "/{name}"]
)
def test_a_button_that_sends_something_sensible_is_fine(write: Write, payload: str) -> None:
    button = f"[{{title: Yes, payload: '{payload}'}}]"
    found = codes(write, f"  utter_ask:\n  - text: Ok?\n    buttons: {button}\n{SLOT}")
    assert not has(found, "payload", "")


def test_places_in_buttons_and_images_are_looked_at_too(write: Write) -> None:
    domain = "  utter_x: [{text: Hi, image: 'a/{nme}.png', buttons: [{title: '{nam}'}]}]\n"
    found = codes(write, f"{domain}{SLOT}")
    assert has(found, "variable-unknown", "a place for 'nme'")
    assert has(
        found, "variable-unknown", "a place for 'nam', which is no slot. Did you mean 'name'"
    )


def test_a_form_may_require_a_slot_that_is_there_by_itself(write: Write) -> None:
    found = codes(write, "forms: {f: {required_slots: [requested_slot]}}\n")
    assert has(found, "form-slot-not-filled", "nothing fills the slot 'requested_slot'")


@pytest.mark.parametrize(
    "code",
    [
        'register("action_" + name)',
        'register(f"action_{name}")',
        'register("action_%s" % name)',
        'names = ["action_order"]',
    ],
)
def test_an_action_whose_name_is_put_together_is_known(write: Write, code: str) -> None:
    known = '\nclass A:\n    def name(self): return "action_other"\n'
    domain = "actions: [action_order, action_other]\n"
    rule = f"{GREETING}  - action: action_order\n  - action: action_other\n"
    found = codes(write, domain, f"{NLU}rules:\n{rule}", **{"actions.py": code + known})
    assert not has(found, "action-without-code", "")


def test_the_class_of_the_sdk_bears_the_name_of_a_convention(write: Write) -> None:
    domain = "actions: [action_validate_slot_mappings, action_other]\n"
    code = 'class A(ValidationAction): ...\nfollow("action_other")\n'
    assert not has(codes(write, domain, **{"actions.py": code}), "action-without-code", "")


def test_what_a_validation_action_may_ask_for_is_asked(write: Write) -> None:
    domain = f"  utter_ask_name: [{{text: Who?}}]\n{SLOT}forms: {{f: {{required_slots: []}}}}\n"
    code = 'class A:\n    def name(self): return "validate_f"\n    slots = ["name"]\n'
    found = codes(write, f"{domain}actions: [validate_f]\n", **{"actions.py": code})
    assert not has(found, "response-unused", "")
    assert has(codes(write, domain), "response-unused", "'utter_ask_name'")


def test_what_the_trigger_of_a_form_fills_need_not_be_asked_for(write: Write) -> None:
    trigger = "{type: from_trigger_intent, intent: greet, value: x, conditions: [{active_loop: f}]}"
    domain = f"slots: {{name: {{type: text, mappings: [{trigger}]}}}}\n"
    found = codes(write, f"{domain}forms: {{f: {{required_slots: []}}}}\n")
    assert not has(found, "slot-not-of-form", "")


def test_a_name_with_nothing_but_its_beginning_in_common_is_not_the_one_meant() -> None:
    assert did_you_mean("action_gone", ["action_ok"]) == ""
    assert did_you_mean("action_orders", ["action_ok", "action_order"]) == (
        "Did you mean 'action_order'?"
    )
