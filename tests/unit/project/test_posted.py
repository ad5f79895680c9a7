from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.errors import ProjectError
from bot.project.load import load_project
from bot.project.posted import write_posted

WHOLE = """\
recipe: default.v1
language: en
pipeline:
- name: KeywordIntentClassifier
policies:
- name: RulePolicy
intents: [greet]
entities:
- city
responses:
  utter_greet:
  - text: |
      nlu: is no key here
nlu:
- intent: greet
  examples: |
    - hello
    - hi from [Rome](city)
version: "3.1"
rules:
- rule: greet
  steps:
  - intent: greet
  - action: utter_greet
"""


def check(project) -> None:
    assert list(project.domain.intents) == ["greet"]
    assert [example.text for example in project.nlu.examples] == ["hello", "hi from Rome"]
    assert [component.name for component in project.config.pipeline] == ["KeywordIntentClassifier"]
    assert len(project.stories) == 1
    assert project.domain.responses["utter_greet"][0].text.strip() == "nlu: is no key here"


def test_all_parts_of_a_text_become_a_project(tmp_path: Path):
    write_posted(WHOLE, tmp_path)
    check(load_project(tmp_path))


def test_json_is_yaml(tmp_path: Path):
    from ruamel.yaml import YAML

    write_posted(json.dumps(YAML(typ="safe").load(WHOLE)), tmp_path)
    check(load_project(tmp_path))


def test_parts_may_be_texts_in_json_as_older_rasa_took_them(tmp_path: Path):
    start = WHOLE.index("intents:"), WHOLE.index("nlu:\n"), WHOLE.index("version:")
    parts = {
        "config": WHOLE[: start[0]],
        "domain": WHOLE[start[0] : start[1]],
        "nlu": WHOLE[start[1] : start[2]],
        "rules": WHOLE[start[2] :],
        "force": True,
    }
    write_posted(json.dumps(parts), tmp_path)
    check(load_project(tmp_path))


def test_what_is_wrong_is_found_in_the_line_that_was_posted(tmp_path: Path):
    wrong = WHOLE.replace("  - intent: greet\n  - action", "  - intnt: greet\n  - action")
    line = wrong[: wrong.index("intnt")].count("\n") + 1
    write_posted(wrong, tmp_path)
    with pytest.raises(ProjectError) as caught:
        load_project(tmp_path)
    assert f":{line}:" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing to train on"),
        ("null", "nothing to train on"),
        ("- a\n", "must be a mapping"),
        ("hello", "must be a mapping"),
        ("nlu: [", "not valid YAML"),
        ("intent: [greet]\n", "Did you mean 'intents'"),
        ("domain: {}\n", "no part 'domain'"),
        ("\x00", "the body"),
    ],
)
def test_what_is_no_project_is_said(tmp_path: Path, text: str, said: str):
    with pytest.raises(ProjectError, match=said):
        write_posted(text, tmp_path)


def test_sentences_alone_are_a_project(tmp_path: Path):
    write_posted("nlu:\n- intent: greet\n  examples: |\n    - hello\n", tmp_path)
    assert [example.text for example in load_project(tmp_path).nlu.examples] == ["hello"]
