"""Domains of Rasa 2: read as they are, and written as domains of Rasa 3.1."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.dialogue.domain import Condition, Form, Mapping, Slot
from bot.errors import ProjectError
from bot.project.load import load_project
from bot.project.migrate_file import migrate_project
from bot.project.paths import ProjectPaths
from tests.unit.project.conftest import Write

OLD = """\
version: "2.0"  # of 2021
intents: [greet, inform]
entities: [city, size]
slots:
  city: {type: text}  # where to
  size: {type: text, auto_fill: false}
  note: {type: unfeaturized}
  free: {type: text, influence_conversation: false}
forms:
  order_form:
    ignored_intents: [greet]
    required_slots:
      city:
      - {type: from_entity, entity: city, role: to}
      note:
      - {type: from_text, not_intent: greet}
      - {type: from_trigger_intent, intent: inform, value: none}
responses:
  utter_greet: [{text: Hello}]
"""

IN_FORM, ASKED = Condition("order_form"), Condition("order_form", "note")


def test_slots_get_the_mappings_they_and_their_forms_had(write: Write) -> None:
    domain = load_project(write(OLD)).domain
    assert domain.slots["city"].mappings == (
        Mapping("from_entity", "city", "to", conditions=(IN_FORM,)),
        Mapping("from_entity", "city"),
    )
    assert domain.slots["size"].mappings == (Mapping("custom"),)
    assert domain.slots["note"] == Slot(
        "note",
        "any",
        (
            Mapping("from_text", not_intent=("greet",), conditions=(ASKED,)),
            Mapping("from_trigger_intent", intent=("inform",), value="none", conditions=(IN_FORM,)),
        ),
        influence_conversation=False,
    )
    assert domain.forms == {"order_form": Form("order_form", ("city", "note"), ("greet",))}


def test_what_an_action_server_is_sent_is_migrated_too(write: Write) -> None:
    raw = load_project(write(OLD)).domain.raw
    assert raw["version"] == "3.1"
    assert raw["forms"]["order_form"]["required_slots"] == ["city", "note"]
    assert raw["slots"]["size"] == {"type": "text", "mappings": [{"type": "custom"}]}


def test_it_is_told_once(write: Write) -> None:
    (warning,) = load_project(write(OLD)).warnings
    assert warning.startswith("domain.yml:1:10: the domain is of Rasa 2")
    assert warning.endswith("parley migrate.")


@pytest.mark.parametrize(
    "forms",
    [
        "forms: [order_form]",
        "forms: [{order_form: {}}]",
        "forms: {order_form: {}}",
        "forms: {order_form: null}",
    ],
)
def test_a_form_without_slots_is_one(write: Write, forms: str) -> None:
    domain = load_project(write(f'version: "2.0"\nintents: [a]\n{forms}\n')).domain
    assert domain.forms == {"order_form": Form("order_form")}


def test_slots_may_stand_right_below_their_form(write: Write) -> None:
    text = (
        'version: "2.0"\nslots: {city: {type: text}}\nentities: [town]\n'
        "forms: {f: {city: [{type: from_entity, entity: town}], ignored_intents: []}}\n"
    )
    domain = load_project(write(text)).domain
    assert domain.forms == {"f": Form("f", ("city",))}
    assert domain.slots["city"].mappings == (
        Mapping("from_entity", "town", conditions=(Condition("f"),)),
    )


def test_entities_forms_and_slots_may_stand_in_different_files(write: Write) -> None:
    one, _, rest = OLD.partition("forms:")
    files = {"domain/a.yml": one, "domain/b.yml": f'version: "2.0"\nforms:{rest}'}
    domain = load_project(write(None, **files)).domain
    assert len(domain.slots["city"].mappings) == 2
    assert domain.forms["order_form"].required_slots == ("city", "note")


def test_templates_were_responses(write: Write) -> None:
    domain = load_project(write("intents: [a]\ntemplates: {utter_a: [{text: A}]}\n")).domain
    assert domain.responses["utter_a"][0].text == "A"


def test_a_domain_without_a_version_is_as_old_as_the_data_beside_it(write: Write) -> None:
    domain = OLD.partition("\n")[2]
    folder = write(domain, **{"data/a.yml": 'version: "2.0"\nnlu: []\n'})
    assert load_project(folder).domain.slots["size"].mappings == (Mapping("custom"),)
    assert migrate_project(folder, ProjectPaths())
    assert load_project(folder).warnings == (
        "data/a.yml:1:10: the version 2.0 is older than 3.0; read as 3.1.",
    )


@pytest.mark.parametrize("version", ['version: "3.1"\n', ""])
def test_a_slot_without_mappings_is_an_error_in_a_domain_of_rasa_3(
    write: Write, version: str
) -> None:
    with pytest.raises(ProjectError, match=r"slot 'a' has no mappings\..*parley migrate"):
        load_project(write(f"{version}slots: {{a: {{type: text}}}}\n"))


@pytest.mark.parametrize(
    "text",
    [
        "entities: 3\nslots: [a]\nforms: 5\n",
        "entities: [[a]]\nslots: {a: 3, b: null, c: []}\nforms: {f: 3, g: [a], h: {a: b}}\n",
        "forms: {f: {required_slots: 3}, g: {required_slots: [[a]]}}\nslots:\n",
        "forms: {f: {required_slots: {a: [3], b: {c: d}, e: null}}}\nslots: {a: {}, e: {}}\n",
    ],
)
def test_what_is_wrong_in_an_old_domain_is_a_problem_and_never_a_crash(
    write: Write, text: str
) -> None:
    with pytest.raises(ProjectError):
        load_project(write(f'version: "2.0"\nintents: [a, [b]]\n{text}'))


def test_a_domain_is_replaced_and_kept_and_means_the_same(write: Write) -> None:
    folder = write(OLD)
    before = load_project(folder).domain
    assert migrate_project(folder, ProjectPaths()) == [folder / "domain.yml"]
    assert (folder / "domain.yml.rasa2").read_text() == OLD
    project = load_project(folder)
    assert project.domain == before
    assert project.warnings == ()
    text = (folder / "domain.yml").read_text()
    assert text.startswith('version: "3.1"  # of 2021\n')
    assert "# where to\n" in text


def test_a_domain_is_written_elsewhere_and_left_alone(write: Write, tmp_path: Path) -> None:
    folder = write(OLD)
    assert migrate_project(folder, ProjectPaths(), tmp_path / "new") == [
        tmp_path / "new" / "domain.yml"
    ]
    assert (folder / "domain.yml").read_text() == OLD
    assert not list(folder.glob("*.rasa2"))


def test_a_domain_of_rasa_3_is_left_alone(write: Write) -> None:
    folder = write()
    before = (folder / "domain.yml").read_text()
    assert migrate_project(folder, ProjectPaths()) == []
    assert (folder / "domain.yml").read_text() == before


def test_a_domain_that_cannot_be_read_is_not_written(write: Write) -> None:
    folder = write('version: "2.0"\nslots: [\n')
    with pytest.raises(ProjectError, match=r"domain\.yml:3:1: not valid YAML"):
        migrate_project(folder, ProjectPaths())
    assert not list(folder.glob("*.rasa2"))
