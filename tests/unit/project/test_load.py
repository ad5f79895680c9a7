"""What a project comes to, and what stops it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.dialogue.domain import Condition, SlotCondition
from bot.dialogue.stories import (
    ActionStep,
    CheckpointStep,
    LoopStep,
    OrStep,
    SlotStep,
    StoryEntity,
    UserStep,
)
from bot.errors import ProjectError
from bot.project.config import DEFAULT_PIPELINE, DEFAULT_POLICIES
from bot.project.load import load_project
from bot.project.project import Example, ExampleEntity, Project
from tests.unit.project.conftest import PROJECTS, Write


def test_a_good_project_has_no_warnings(good: Project) -> None:
    assert good.warnings == ()


def test_a_bot_names_its_languages(write: Write) -> None:
    config = load_project(write(**{"config.yml": "languages: [en, zh-CN]\n"})).config
    assert config.languages == ("en", "zh-CN")
    with pytest.raises(ProjectError, match=r"config\.yml:1:\d+: the language 'English' is no code"):
        load_project(write(**{"config.yml": "languages: [English]\n"}))


def test_examples_have_entities_metadata_and_places(good: Project) -> None:
    *faq, soup, pommes, cosy, hello, hi = good.nlu.examples
    assert soup.text == "a soup please"
    assert soup.metadata == {"source": "us", "year": 2024}
    assert pommes.entities == (ExampleEntity(4, 10, "dish", "fries", "side", "1"),)
    assert [e.entity for e in cosy.entities] == ["dish", "mood"]
    assert (hello.file, hello.line) == ("data/nlu.yml", 13)
    assert hi == Example(
        "hi 👋 there",
        "greet",
        (ExampleEntity(5, 10, "mood", "friendly"),),
        file="data/nlu.yml",
        line=14,
    )
    assert [example.intent for example in faq] == ["faq/hours", "faq/hours"]


def test_synonyms_come_from_blocks_and_annotations(good: Project) -> None:
    assert good.nlu.synonyms == {
        "chips": "fries",
        "Pommes": "fries",
        "soup": "cosy",
        "there": "friendly",
    }


def test_lookups_are_read_from_a_file(good: Project) -> None:
    assert good.nlu.lookups[0].values == ("soup", "stew", "pie")
    assert good.nlu.regexes[0].patterns == ("so?up",)


def test_slots_have_mappings_and_conditions(good: Project) -> None:
    dish, size, spicy = (good.domain.slots[name] for name in ("dish", "size", "spicy"))
    by_entity, by_text = dish.mappings
    assert (by_entity.entity, by_entity.role, by_entity.not_intent) == ("dish", "main", ("greet",))
    assert by_text.conditions == (Condition("order_form", "dish"), Condition(None, None))
    assert (size.values, size.initial_value) == (("small", "large", 3), "small")
    assert (size.mappings[0].intent, size.mappings[0].value) == (("order", "greet"), "large")
    assert (spicy.min_value, spicy.max_value) == (0.0, 10.0)
    assert spicy.mappings[0].action == "action_spicy"


def test_automatic_slots_are_there(good: Project) -> None:
    requested = good.domain.slots["requested_slot"]
    assert (requested.type, requested.influence_conversation) == ("text", False)
    assert good.domain.slots["session_started_metadata"].type == "any"


def test_the_rest_of_the_domain_is_read(good: Project) -> None:
    domain = good.domain
    assert domain.intents["order"].use_entities == ("dish",)
    assert domain.entities["dish"].roles == ("main", "side")
    assert not domain.entities["mood"].influence_conversation
    assert domain.forms["order_form"].ignored_intents == ("greet",)
    assert domain.actions == ("action_spicy", "action_order")
    assert domain.send_domain == {"action_spicy"}
    assert domain.e2e_actions == ("Coming right up",)
    assert (domain.session.expiration_minutes, domain.session.carry_over_slots) == (0.5, False)
    assert domain.responses["utter_faq/hours"][0].text == "Always."
    channel = domain.responses["utter_ask_dish"][1]
    assert (channel.channel, channel.id) == ("slack", "ask-2")
    assert channel.condition == (SlotCondition("size", "large"),)
    assert domain.responses["utter_greet"][0].extra == {"button_type": "vertical"}


def test_the_raw_domain_keeps_what_was_written(good: Project) -> None:
    raw = good.domain.raw
    assert raw["intents"] == ["faq", "greet", {"order": {"use_entities": ["dish"]}}]
    assert raw["session_config"]["session_expiration_time"] == 0.5
    assert "requested_slot" not in raw["slots"]
    assert "utter_faq/hours" in raw["responses"]


def test_stories_have_their_steps(good: Project) -> None:
    twice, words, hello, _ = good.stories
    assert twice.steps == (
        CheckpointStep("ready", (SlotStep("size", "large"),)),
        OrStep(
            (
                UserStep("order", (StoryEntity("dish", "soup", "main"), StoryEntity("mood"))),
                UserStep("greet"),
            )
        ),
        ActionStep("order_form"),
        LoopStep("order_form"),
        LoopStep(None),
        SlotStep("dish", has_value=False),
        SlotStep("size", None),
        OrStep(((SlotStep("size", "small"),), (SlotStep("size", "large"),))),
        ActionStep("action_order"),
    )
    assert words.steps[:2] == (
        UserStep(text="a soup now", entities=(StoryEntity("dish", "soup"),)),
        ActionStep(bot_text="Coming right up"),
    )
    assert hello.is_rule
    assert hello.conversation_start
    assert not hello.wait_for_user_input
    assert hello.condition == (LoopStep(None), SlotStep("size", "small"))


def test_files_of_tests_are_not_training_data(good: Project) -> None:
    assert "not training data" not in [story.name for story in good.stories]


def test_endpoints_and_credentials_take_values_from_the_environment(good: Project) -> None:
    action = good.endpoints.action_endpoint
    assert action is not None
    assert action.url == "http://actions:5055/webhook"
    assert action.basic_auth == ("me", "pä$$")
    assert action.headers == {"X-Shop": "7"}
    assert action.selective_domain
    assert good.endpoints.nlg is None
    assert good.endpoints.tracker_store == {"type": "SQL", "port": 5432}
    assert good.credentials == {"rest": {}, "slack": {"slack_token": "123", "proxy": None}}


def test_an_unset_variable_is_named_with_its_place() -> None:
    with pytest.raises(ProjectError, match=r"endpoints\.yml:2:8: .* ACTION_HOST is not set"):
        load_project(PROJECTS / "good", environ={})


def test_class_paths_count_as_the_components_they_name(good: Project) -> None:
    component = good.config.component("DIETClassifier")
    assert component is not None
    assert component.options == {"epochs": 5}


def test_a_missing_config_gives_the_defaults(write: Write) -> None:
    config = load_project(write()).config
    assert (config.pipeline, config.policies) == (DEFAULT_PIPELINE, DEFAULT_POLICIES)


def test_a_domain_may_be_a_folder_tree(write: Write) -> None:
    folder = write(
        domain=None,
        **{
            "domain/a.yml": "intents: [greet]\nresponses: {utter_a: [{text: first}]}\n",
            "domain/deep/er/b.yml": "intents: [bye]\nresponses: {utter_a: [{text: second}]}\n"
            "session_config: {session_expiration_time: 5}\n",
        },
    )
    project = load_project(folder)
    assert list(project.domain.intents) == ["greet", "bye"]
    assert project.domain.responses["utter_a"][0].text == "first"
    assert project.domain.session.expiration_minutes == 5
    assert "The first one counts" in project.warnings[0]


def test_a_file_of_a_newer_version_is_passed_over_with_a_warning(write: Write) -> None:
    data = 'version: "4.0"\nnlu:\n- intent: greet\n  examples: |\n    - hi\n'
    project = load_project(write(**{"data/nlu.yml": data}))
    assert project.nlu.examples == ()
    assert "data/nlu.yml:1:10: the version 4.0 is newer" in project.warnings[0]


IMPORTS = "importers: [{name: MultiProjectImporter}]\nimports: [PLACE]\n"
STORY = "stories:\n- story: s\n  steps:\n  - intent: greet\n  - action: {}\n"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"domain": None}, r"there is no domain\.yml"),
        ({"domain": ""}, r"domain\.yml: defines nothing"),
        ({"domain": "- greet\n"}, r"domain\.yml:1:1: a domain file must be a mapping"),
        ({"domain": "intents: {a: b}\n"}, r"domain\.yml:1:10: intents must be a list"),
        ({"domain": "slots: [a]\n"}, r"domain\.yml:1:8: slots must be a mapping"),
        ({"domain": "responses: [a]\n"}, r"1:12: responses must be a mapping"),
        ({"domain": "responses: {utter_a: hello}\n"}, r"1:22: .* must be a list"),
        ({"domain": "responses: {utter_a: []}\n"}, r"1:13: .* has no variation"),
        ({"domain": "responses: {utter_a: [{text: [a]}]}\n"}, r"1:30: text of .* must be a text"),
        ({"domain": "responses: {utter_a: [{text: a, custom: b}]}\n"}, r"1:41: custom"),
        ({"domain": "forms: [a]\n"}, r"1:8: forms must be a mapping"),
        ({"domain": "forms: {f: {required_slots: {a: []}}}\n"}, r"1:29: .* stands under slots"),
        ({"domain": "actions: hello\n"}, r"1:10: actions must be a list"),
        ({"domain": "actions: [[a]]\n"}, r"1:11: the name of an action must be a text"),
        ({"domain": "intents: [{a: [b]}]\n"}, r"1:15: the options of 'a' must be a mapping"),
        ({"domain": "session_config: 60\n"}, r"1:17: session_config must be a mapping"),
        (
            {"domain": "session_config: {session_expiration_time: .inf}\n"},
            r"1:43: session_expiration_time must be a finite number",
        ),
        ({"domain": "entities: [{a: 1, b: 2}]\n"}, r"1:12: an entity must be one name"),
        ({"domain": "intents: [a, b, a]\n"}, r"1:17: 'a' stands twice under intents"),
        ({"domain": "intents: [a]\nintents: [b]\n"}, r"2:1: the key 'intents' is written twice"),
        ({"domain": "slots: {a: {type: flaot}}\n"}, r"1:19: .*'flaot'.*'float'\? Types: any, bool"),
        ({"domain": "slots: {a: {type: text}}\n"}, r"1:12: slot 'a' has no mappings"),
        (
            {"domain": "slots: {a: {type: text, mappings: [{type: from_txt}]}}\n"},
            r"1:43: .* has type 'from_txt'\. Did you mean 'from_text'\?",
        ),
        (
            {"domain": "slots: {a: {type: any, mappings: [], influence_conversation: true}}\n"},
            r"1:62: .* cannot influence",
        ),
        ({"domain": b"intents: [\xff]\n"}, r"domain\.yml:1:11: is not UTF-8"),
        ({"domain": b"\x7fELF\x00\x01"}, r"domain\.yml:1:1: holds the character U\+007F"),
        ({"domain": "intents:\n\t- a\n"}, r"domain\.yml:2:1: a tab"),
        (
            {"data/s.yml": STORY.format("utter_gret")},
            r"data/s\.yml:5:13: .* 'utter_gret', .* Did you mean 'utter_greet'\?",
        ),
        ({"data/s.yml": "stories: {a: b}\n"}, r"data/s\.yml:1:10: stories must be a list"),
        ({"data/s.yml": "stories: [a]\n"}, r"data/s\.yml:1:11: a story must be a mapping"),
        ({"data/s.yml": "stories: [{story: a, steps: b}]\n"}, r"1:29: the steps of .* a list"),
        ({"data/s.yml": "stories: [{story: [a], steps: []}]\n"}, r"1:19: the name of a story"),
        ({"data/s.yml": "rules: [{rule: a, steps: [3]}]\n"}, r"1:27: a step of .* a mapping"),
        ({"data/s.yml": "rules: [{rule: a, steps: [{or: 3}]}]\n"}, r"1:32: an or of .* a list"),
        ({"data/s.yml": "rules: [{rule: a, steps: [{action: null}]}]\n"}, r"1:36: .* a text"),
        (
            {"data/s.yml": "rules: [{rule: a, conversation_start: 3, steps: [{intent: greet}]}]\n"},
            r"1:39: conversation_start .* true or false",
        ),
        ({"data/n.yml": "nlu: {intent: a}\n"}, r"data/n\.yml:1:6: nlu must be a list"),
        ({"data/n.yml": "nlu: [{intent: a, examples: {b: c}}]\n"}, r"1:29: examples of"),
        ({"data/n.yml": "nlu: [{intent: a, examples: [[b]]}]\n"}, r"1:30: an example must be"),
        ({"data/n.yml": "3\n"}, r"data/n\.yml:1:1: a data file must be a mapping"),
        ({"config.yml": "[]\n"}, r"config\.yml:1:1: config\.yml must be a mapping"),
        ({"config.yml": "pipeline: spacy\n"}, r"config\.yml:1:11: pipeline must be a list"),
        (
            {"config.yml": IMPORTS.replace("PLACE", "../../etc")},
            r"config\.yml:2:11: .* outside the project",
        ),
        ({"config.yml": IMPORTS.replace("PLACE", "nowhere")}, r"config\.yml:2:11: .* not a folder"),
        ({"endpoints.yml": "action_endpoint: x\n"}, r"endpoints\.yml:1:18: .* a mapping"),
        ({"endpoints.yml": "nlu: {url: localhost}\n"}, r"endpoints\.yml:1:12: .* http://"),
        ({"credentials.yml": "rest: [a]\n"}, r"credentials\.yml:1:7: rest must be a mapping"),
    ],
)
def test_a_wrong_file_is_named_with_its_place(
    write: Write, files: dict[str, str | bytes], message: str
) -> None:
    with pytest.raises(ProjectError, match=message):
        load_project(write(**files))


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="there is no such folder"):
        load_project(tmp_path / "nowhere")


def test_a_file_in_place_of_a_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "bot.yml").write_text("intents: [a]")
    with pytest.raises(ProjectError, match="is not a folder"):
        load_project(tmp_path / "bot.yml")


def test_a_file_that_cannot_be_read_is_a_clear_error(write: Write) -> None:
    folder = write()
    (folder / "data").mkdir()
    (folder / "data" / "gone.yml").symlink_to(folder / "nowhere.yml")
    with pytest.raises(ProjectError, match=r"data/gone\.yml: cannot be read"):
        load_project(folder)


def test_a_pipe_in_place_of_a_file_is_a_clear_error(write: Write) -> None:
    folder = write()
    (folder / "data").mkdir()
    os.mkfifo(folder / "data" / "pipe.yml")
    with pytest.raises(ProjectError, match=r"data/pipe\.yml: is not a file"):
        load_project(folder)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_name_no_folder_can_have_is_a_clear_error(name: str) -> None:
    with pytest.raises(ProjectError, match=r"cannot be read|no such folder"):
        load_project(name)


def test_the_first_error_says_how_many_more_there_are(write: Write) -> None:
    with pytest.raises(ProjectError, match=r"1:10: .* \(parley check shows 1 more\.\)"):
        load_project(write(domain="intents: a\nactions: b\n"))


def test_a_domain_folder_beside_a_domain_file_is_warned_of(write: Write) -> None:
    (warning,) = load_project(write(**{"domain/more.yml": "intents: [a]\n"})).warnings
    assert warning.startswith("domain: the folder beside domain.yml is not read")


def test_a_wrong_definition_does_not_make_its_name_unknown(write: Write) -> None:
    domain = "intents: [a]\nslots: {size: {type: flaot, mappings: []}}\n"
    story = "stories: [{story: s, steps: [{intent: a}, {slot_was_set: [size]}]}]\n"
    with pytest.raises(ProjectError, match="flaot") as raised:
        load_project(write(domain=domain, **{"data/s.yml": story}))
    assert "which the domain does not define" not in str(raised.value)
