"""`parley test`, as it is typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from bot.errors import ParleyError
from training import testing

STORYBOT = Path(__file__).parents[2] / "data" / "storybot"
PASSING = """stories:
- story: fine
  steps:
  - user: hello
    intent: greet
  - action: utter_greet
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(STORYBOT, tmp_path / "project"))


def parley(project: Path, *words: str) -> Result:
    app = typer.Typer()
    app.add_typer(testing.app, name="test")
    out = str(project / "results")
    command, rest = (words[:1], words[1:]) if words[:1] in (("core",), ("nlu",)) else ((), words)
    return CliRunner().invoke(app, ["test", *command, "-p", str(project), "--out", out, *rest])


def names(project: Path) -> set[str]:
    return {file.name for file in (project / "results").iterdir()}


def test_a_conversation_that_fails_ends_with_one(project: Path):
    result = parley(project, "core")
    assert result.exit_code == 1, result.output
    assert "utter_greet instead of utter_chat" in result.output
    assert "conversations         3      11" in result.output
    assert "failed_test_stories.yml shows what was predicted" in result.output


def test_with_no_fail_it_ends_with_zero_as_rasa_does(project: Path):
    assert parley(project, "core", "--no-fail").exit_code == 0


def test_when_all_pass_it_ends_with_zero(project: Path):
    (project / "tests" / "test_conversations.yml").write_text(PASSING)
    result = parley(project, "core", "--e2e")
    assert result.exit_code == 0, result.output
    assert (project / "results" / "failed_test_stories.yml").read_text().startswith("# None")


def test_without_nlu_messages_mean_what_the_stories_say(project: Path):
    result = parley(project, "core", "--nlu", "none")
    assert "conversations  5      11" in result.output


def test_the_first_that_fails_can_be_the_last(project: Path):
    result = parley(project, "core", "--fail-on-prediction-errors")
    assert result.exit_code == 1
    report = json.loads((project / "results" / "story_report.json").read_bytes())
    assert report["conversation_accuracy"]["total"] == 2


def test_no_more_are_tried_than_asked_for(project: Path):
    assert parley(project, "core", "--max-stories", "1").exit_code == 0


def test_held_with_actions_nothing_is_taken_from_the_story(project: Path):
    (project / "tests" / "test_conversations.yml").write_text(PASSING)
    assert parley(project, "core", "--actions").exit_code == 0
    assert parley(project, "core", "--actions", "--nlu", "none").exit_code == 0


def test_stories_can_be_elsewhere(project: Path):
    elsewhere = project / "other.yml"
    elsewhere.write_text(PASSING)
    assert parley(project, "core", "--stories", str(elsewhere)).exit_code == 0


def test_parts_of_the_project_can_be_elsewhere(project: Path):
    domain = (project / "domain.yml").rename(project.parent / "other.yml")
    assert isinstance(parley(project, "core").exception, ParleyError)
    result = parley(project, "core", "--domain", str(domain), "--no-fail")
    assert result.exit_code == 0, result.output


def test_stories_to_learn_from_can_be_tried(project: Path):
    result = parley(project, "core", "--stories", str(project / "data" / "rules.yml"))
    assert result.exit_code == 0, result.output


def test_both_are_tried_where_none_is_named(project: Path):
    result = parley(project, "--no-fail")
    assert result.exit_code == 0, result.output
    assert "of the project on 7 sentences" in result.output
    assert names(project) >= {"story_report.json", "intent_report.json"}


def test_sentences_can_be_given_by_file(project: Path):
    (project / "more.yml").write_text(
        "nlu:\n- intent: greet\n  examples: |\n    - hello\n    - ah\n"
    )
    result = parley(project, "nlu", "--nlu", str(project / "more.yml"), "--successes")
    assert result.exit_code == 0, result.output
    assert "on 2 sentences" in result.output
    assert names(project) >= {"intent_errors.json", "intent_successes.json"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("core", "--stories", "nowhere"), "no such file or folder"),
        (("core", "--model", "unheard-of"), "unheard-of"),
        (("nlu", "--nlu", "nowhere.yml"), "no such file"),
    ],
)
def test_what_cannot_be_tried_is_said(words: tuple[str, ...], says: str, project: Path):
    result = parley(project, *words)
    assert isinstance(result.exception, ParleyError), result.output
    assert says in str(result.exception)


def test_a_file_without_conversations_is_said(project: Path):
    (project / "tests" / "test_conversations.yml").write_text("nlu: []")
    result = parley(project, "core")
    assert "no conversations under 'stories'" in str(result.exception)
