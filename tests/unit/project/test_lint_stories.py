"""Stories and rules that contradict each other, cannot be learnt, or never count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.project.check import check_project
from bot.project.report import Problem
from tests.unit.project.conftest import Write

RECORDED = json.loads((Path(__file__).parents[2] / "data" / "rasa_verdicts.json").read_text())
CONFIG = "policies:\n- name: RulePolicy\n- name: MemoizationPolicy\n"
DOMAIN = """\
intents: [greet, bye, stop, restart]
entities: [city]
slots:
  city: {type: text, mappings: [{type: from_entity, entity: city}]}
  vip: {type: bool, mappings: [{type: custom}]}
  hidden: {type: text, influence_conversation: false, mappings: [{type: custom}]}
  name: {type: text, mappings: [{type: from_text, conditions: [{active_loop: form}]}]}
responses:
  utter_a: [{text: A}]
  utter_b: [{text: B}]
  utter_ask_name: [{text: Name?}]
forms:
  form: {required_slots: [name]}
actions: [action_c]
"""


def check(write: Write, told: str, config: str = CONFIG, **options: Any) -> list[Problem]:
    """What is found in ``told``, the text of a file of stories and rules."""
    folder = write(DOMAIN, **{"config.yml": config, "data/told.yml": told})
    return check_project(folder, environ={}, **options)


def said(problems: list[Problem], *codes: str) -> list[str]:
    return [f"{p.severity}: {p}" for p in problems if p.code in codes]


def story(name: str, *steps: str, kind: str = "story", extra: str = "") -> str:
    """A story or rule; a step is ``greet``, ``greet city``, ``utter_a`` or YAML after a dash."""
    lines = [f"- {kind}: {name}", *([extra] if extra else []), "  steps:"]
    for step in steps:
        if ":" in step:
            lines.append(f"  - {step}")
        elif step.startswith(("utter", "action", "form")):
            lines.append(f"  - action: {step}")
        else:
            intent, _, entity = step.partition(" ")
            lines.append(f"  - intent: {intent}")
            if entity:
                lines.append(f"    entities: [{{{entity}: x}}]")
    return "\n".join(lines) + "\n"


def rule(name: str, *steps: str, extra: str = "") -> str:
    return story(name, *steps, kind="rule", extra=extra)


@pytest.mark.parametrize(
    ("domain", "case"),
    [(each["domain"], case) for each in RECORDED["sets"] for case in each["cases"]],
)
def test_rasa_says_the_same_of_random_rules_and_stories(
    write: Write, domain: str, case: dict[str, Any]
) -> None:
    files = {"config.yml": CONFIG, "data/told.yml": case["told"]}
    problems = check_project(write(domain, **files), environ={})
    errors = {p.code for p in problems if p.severity == "error"}
    assert case["rules"] in errors if case["rules"] else not errors
    assert any(p.code == "story-conflict" for p in problems) == case["stories"]


def test_two_stories_that_part_are_named_with_the_steps_before(write: Write) -> None:
    told = "stories:\n" + story("first", "greet city", "utter_a", "bye", "utter_a")
    told += story("second", "greet city", "utter_a", "bye", "utter_b")
    (found,) = said(check(write, told), "story-conflict")
    assert found == (
        "warning: data/told.yml:9: the story 'second' goes on with 'utter_b' where 'first' "
        "(data/told.yml:2) goes on with 'utter_a', after: intent: greet (city) → slot city: x → "
        "utter_a → intent: bye. Tell them apart by a slot, an entity or an earlier step."
    )


def test_a_story_that_ends_where_another_goes_on_contradicts_it(write: Write) -> None:
    told = "stories:\n" + story("s", "greet", "utter_a") + story("t", "greet", "utter_a", "utter_b")
    (found,) = said(check(write, told), "story-conflict")
    assert "the story 't' goes on with 'utter_b' where 's' (data/told.yml:2) waits for the" in found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("greet", "utter_a"), ("greet city", "utter_b")),  # an entity tells them apart
        (("greet", "slot_was_set: [{vip: true}]", "utter_a"), ("greet", "utter_b")),
        (("bye", "utter_a", "greet", "utter_a"), ("greet", "utter_b")),  # an earlier step
    ],
)
def test_what_policies_tell_apart_is_no_contradiction(
    write: Write, one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    problems = check(write, "stories:\n" + story("s", *one) + story("t", *other))
    assert said(problems, "story-conflict") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("greet", "slot_was_set: [{hidden: x}]", "utter_a"), ("greet", "utter_b")),
        (("greet", "slot_was_set: [{city: Rome}]", "utter_a"),
         ("greet", "slot_was_set: [{city: Oslo}]", "utter_b")),
        (("or: [{intent: greet}, {intent: bye}]", "utter_a"), ("bye", "utter_b")),
    ],
)  # fmt: skip
def test_what_policies_do_not_tell_apart_is_one(
    write: Write, one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    problems = check(write, "stories:\n" + story("s", *one) + story("t", *other))
    assert len(said(problems, "story-conflict")) == 1


def test_an_entity_that_policies_do_not_see_tells_nothing_apart(write: Write) -> None:
    told = "stories:\n" + story("s", "greet", "utter_a")
    told += story("t", "greet name", "utter_b")
    domain = DOMAIN.replace("[city]", "[{name: {influence_conversation: false}}, city]")
    files = {"config.yml": CONFIG, "data/told.yml": told}
    assert said(check_project(write(domain, **files), environ={}), "story-conflict")
    seen = DOMAIN.replace("[city]", "[name, city]")
    assert not said(check_project(write(seen, **files), environ={}), "story-conflict")


LONG = "stories:\n" + (
    story("s", "bye", "utter_a", "greet", "utter_a", "stop", "utter_a")
    + story("t", "stop", "utter_b", "greet", "utter_a", "stop", "utter_b")
)


@pytest.mark.parametrize(
    ("policies", "max_history", "found"),
    [
        ("[{name: MemoizationPolicy}]", None, 0),
        ("[{name: MemoizationPolicy, max_history: 3}]", None, 1),
        ("[{name: MemoizationPolicy, max_history: 3}, {name: TEDPolicy}]", None, 0),
        ("[{name: MemoizationPolicy, max_history: 3}, {name: TEDPolicy, max_history: 6}]", None, 0),
        ("[{name: TEDPolicy, max_history: 3}]", None, 1),
        ("[{name: MemoizationPolicy}]", 3, 1),
        ("[{name: MemoizationPolicy, max_history: 3}]", 6, 0),
    ],
)
def test_stories_are_compared_as_far_back_as_a_policy_looks(
    write: Write, policies: str, max_history: int | None, found: int
) -> None:
    problems = check(write, LONG, f"policies: {policies}\n", max_history=max_history)
    conflicts = said(problems, "story-conflict")
    assert len(conflicts) == found
    assert all("after: intent: greet → utter_a → intent: stop" in line for line in conflicts)


def test_stories_are_compared_across_their_checkpoints(write: Write) -> None:
    told = "stories:\n" + story("begin", "greet", "utter_a", "checkpoint: here")
    told += story("one", "checkpoint: here", "bye", "utter_a")
    told += story("whole", "greet", "utter_a", "bye", "utter_b")
    (found,) = said(check(write, told), "story-conflict")
    assert "'one'" in found
    assert "'whole'" in found
    assert "after: intent: greet → utter_a → intent: bye" in found


def test_a_checkpoint_with_one_side_is_named_with_the_one_meant(write: Write) -> None:
    told = "stories:\n" + story("begin", "greet", "utter_a", "checkpoint: heer")
    told += story("end", "checkpoint: here", "bye", "utter_a")
    found = said(check(write, told), "checkpoint-open")
    assert any("no story begins with the checkpoint 'heer' of 'begin'." in line for line in found)
    assert any("Did you mean 'heer'?" in line for line in found)


def test_a_rule_against_a_story_is_an_error_that_names_both(write: Write) -> None:
    told = (
        "stories:\n" + story("s", "greet", "utter_b") + "rules:\n" + rule("r", "greet", "utter_a")
    )
    (found,) = said(check(write, told), "rule-conflict")
    assert found == (
        "error: data/told.yml:2: the story 's' goes on with 'utter_b' where the rule 'r' "
        "(data/told.yml:7) goes on with 'utter_a', after: intent: greet. "
        "Let both do the same, or give the rule a condition."
    )


def test_the_intent_restart_has_an_action_of_its_own(write: Write) -> None:
    (found,) = said(check(write, "rules:\n" + rule("r", "restart", "utter_a")), "rule-conflict")
    assert (
        "goes on with 'utter_a' where the bot, whatever rules say, goes on with 'action_re" in found
    )


def test_rules_are_not_compared_where_config_says_so(write: Write) -> None:
    told = "rules:\n" + rule("r", "greet", "utter_a") + rule("q", "greet", "utter_b")
    told += rule("long", "greet city", "utter_a", "bye", "utter_a")
    assert {p.code for p in check(write, told)} >= {"rule-conflict", "rule-turns"}
    options = "check_for_contradictions: false, restrict_rules: false"
    free = check(write, told, f"policies: [{{name: RulePolicy, {options}}}]\n")
    assert {p.code for p in free}.isdisjoint({"rule-conflict", "rule-turns"})


def test_a_rule_that_tells_less_than_another_is_named(write: Write) -> None:
    told = "rules:\n" + rule("r", "greet", "action_c", "slot_was_set: [{vip: true}]")
    told += rule("q", "bye", "action_c")
    (found,) = said(check(write, told), "rule-incomplete")
    assert "data/told.yml:7: the rule 'q' tells no slot_was_set after 'action_c', as the" in found
    assert "'r' (data/told.yml:2) does: vip." in found


def test_the_fallback_action_must_exist(write: Write) -> None:
    config = "policies: [{name: RulePolicy, core_fallback_action_name: action_cc}]\n"
    (found,) = said(check(write, "rules: []\n", config), "fallback-unknown")
    assert "error: config.yml: core_fallback_action_name is 'action_cc'" in found
    assert "Did you mean 'action_c'?" in found


def test_a_fallback_action_that_is_no_name_is_told(write: Write) -> None:
    config = "policies: [{name: RulePolicy, core_fallback_action_name: [action_c]}]\n"
    told = [str(problem) for problem in check(write, "rules: []\n", config)]
    assert told[0].startswith("config.yml:1:58: core_fallback_action_name of RulePolicy must be")


@pytest.mark.parametrize(
    ("told", "policy", "what"),
    [
        ("rules:\n" + rule("r", "greet", "utter_a"), "MemoizationPolicy", "any rule, needs the"),
        ("stories:\n" + story("s", "greet", "utter_a"), "RulePolicy", "any story, is read by no"),
        ("stories:\n" + story("s", "greet", "utter_a"), "MemoizationPolicy", "any form, needs the"),
    ],
)
def test_a_policy_that_is_missing_is_told(write: Write, told: str, policy: str, what: str) -> None:
    (found,) = said(check(write, told, f"policies: [{{name: {policy}}}]\n"), "policy-missing")
    assert what in found


def test_nlu_fallback_is_never_said_without_a_classifier_for_it(write: Write) -> None:
    told = "rules:\n" + rule("r", "nlu_fallback", "utter_a")
    without = f"{CONFIG}pipeline: [{{name: DIETClassifier}}]\n"
    (found,) = said(check(write, told, without), "rule-unreachable")
    assert "the rule 'r' can never fire: 'nlu_fallback' comes from the FallbackClassifier" in found
    with_it = f"{CONFIG}pipeline: [{{name: FallbackClassifier}}]\n"
    assert said(check(write, told, with_it), "rule-unreachable") == []


IN_FORM = "  condition:\n  - active_loop: form"


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        (DOMAIN, 1),
        (DOMAIN.replace("[name]}", "[name], ignored_intents: [stop]}"), 0),
        (DOMAIN.replace("type: from_text", "type: from_text, not_intent: stop"), 0),
        (DOMAIN.replace("type: from_text", "type: from_text, intent: greet"), 0),
        (DOMAIN.replace("[name]}", "[name, city]}"), 0),  # fires while the city is asked for
        (DOMAIN.replace("[action_c]", "[validate_form]"), 0),  # which may refuse
    ],
)
def test_a_form_that_takes_any_text_leaves_nothing_to_a_rule(
    write: Write, domain: str, found: int
) -> None:
    told = "rules:\n" + rule("r", "stop", "utter_a", extra=IN_FORM)
    folder = write(domain, **{"config.yml": CONFIG, "data/told.yml": told})
    lines = said(check_project(folder, environ={}), "rule-unreachable")
    assert len(lines) == found
    assert all("the form 'form' takes the words of 'stop' for an answer" in line for line in lines)


def test_a_rule_said_twice_is_told(write: Write) -> None:
    told = "rules:\n" + rule("r", "or: [{intent: greet}, {intent: bye}]", "utter_a")
    told += rule("q", "bye", "utter_a") + rule("p", "stop", "utter_a")
    (found,) = said(check(write, told), "rule-repeated")
    assert "the rule 'q' says what the rule 'r' says, in data/told.yml:2." in found


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("  - slot_was_set: [{hidden: x}]", "on the slot 'hidden', which policies do not see"),
        (
            "  - slot_was_set: [{requested_slot: name}]",
            "Define requested_slot under slots, categor",
        ),
        ("  - active_loop: null\n  - active_loop: form", "two conditions on active_loop"),
        ("  - slot_was_set: [{city: x}, {city: null}]", "two conditions on the slot 'city'"),
    ],
)
def test_a_condition_that_counts_for_nothing_is_told(
    write: Write, condition: str, message: str
) -> None:
    told = "rules:\n" + rule("r", "greet", "utter_a", extra=f"  condition:\n{condition}")
    (found,) = said(check(write, told), "condition-without-effect")
    assert message in found


def test_an_entity_of_a_rule_that_policies_do_not_see_is_told(write: Write) -> None:
    told = "rules:\n" + rule("r", "greet city", "utter_a")
    assert said(check(write, told), "condition-without-effect") == []
    domain = DOMAIN.replace("[greet,", "[{greet: {use_entities: []}},")
    folder = write(domain, **{"config.yml": CONFIG, "data/told.yml": told})
    (found,) = said(check_project(folder, environ={}), "condition-without-effect")
    assert "tells of the entity 'city', which policies do not see in 'greet'" in found


def test_a_bool_slot_named_alone_means_that_it_is_not_set(write: Write) -> None:
    condition = "  condition:\n  - slot_was_set: [vip, city]"
    told = "rules:\n" + rule("r", "greet", "utter_a", extra=condition)
    (found,) = said(check(write, told), "slot-without-value")
    assert "the rule 'r' names the bool slot 'vip' without a value" in found
