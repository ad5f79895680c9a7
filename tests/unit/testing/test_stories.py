"""Test stories are judged as Rasa judges them. The reports of Rasa 3.6.21 lie beside the data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.actions.remote import RemoteActions
from bot.dialogue.domain import Domain
from bot.dialogue.policy import Prediction
from bot.dialogue.tracker import Tracker
from bot.model.nlu import open_understanding
from bot.project.load import load_project
from bot.project.report import Report
from bot.project.yaml import read_yaml
from bot.services import Services
from bot.testing.live import hold
from bot.testing.outcome import Outcome
from bot.testing.results import Wanted, story_report, write_results
from bot.testing.services import ScriptedNlu, examples_nlu, memory_services
from bot.testing.stories import run_story
from bot.testing.told import Transcript, load_transcripts
from bot.testing.transcripts import run_transcript

DATA = Path(__file__).parents[2] / "data"
STORYBOT = DATA / "storybot"
AVERAGES = ("accuracy", "macro avg", "weighted avg", "micro avg")


def conversations() -> Sequence[Transcript]:
    return load_transcripts(STORYBOT / "tests", shown=lambda file: f"tests/{file.name}")


async def judged(*, end_to_end: bool) -> list[Outcome]:
    project = load_project(STORYBOT)
    async with open_understanding(project, STORYBOT / "models") as nlu:
        services = memory_services(project, nlu, RemoteActions(None))
        return [await run_story(each, services, end_to_end=end_to_end) for each in conversations()]


@pytest.mark.parametrize(("name", "end_to_end"), [("core", False), ("e2e", True)])
async def test_the_report_holds_rasas_numbers(name: str, end_to_end: bool):
    theirs = json.loads((STORYBOT / f"rasa_{name}_report.json").read_bytes())
    ours = story_report(await judged(end_to_end=end_to_end))
    assert ours.keys() == theirs.keys()
    for key, row in theirs.items():
        assert ours[key] == pytest.approx(row), key


@pytest.mark.parametrize(("name", "end_to_end"), [("core", False), ("e2e", True)])
async def test_the_same_stories_fail_with_the_same_comments(
    name: str, end_to_end: bool, tmp_path: Path
):
    write_results(tmp_path, await judged(end_to_end=end_to_end), Wanted())
    ours = commented((tmp_path / "failed_test_stories.yml").read_text())
    assert ours == commented((STORYBOT / f"rasa_{name}_failed.yml").read_text())


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def commented(text: str) -> dict[str, list[str]]:
    """The lines of each story that tell what was predicted instead."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("- story: "):
            story = found.setdefault(line, [])
        elif "# predicted" in line:
            story.append(line.strip())
    return found


async def test_what_failed_can_be_read_and_tried_again(tmp_path: Path):
    write_results(tmp_path, await judged(end_to_end=True), Wanted(successes=True))
    again = load_transcripts(tmp_path / "failed_test_stories.yml")
    assert len(again) == 8
    fine = load_transcripts(tmp_path / "successful_test_stories.yml")
    assert [each.name.partition(" (")[0] for each in fine] == [
        "passes",
        "custom action",
        "payload and intent only",
    ]


async def test_the_files_are_those_that_are_wanted(tmp_path: Path):
    outcomes = await judged(end_to_end=False)
    write_results(tmp_path, outcomes, Wanted(errors=False, warnings=False, plot=False))
    assert names(tmp_path) == ["story_report.json"]
    write_results(tmp_path, outcomes, Wanted())
    assert names(tmp_path) == [
        "failed_test_stories.yml",
        "stories_with_warnings.yml",
        "story_confusion_matrix.svg",
        "story_report.json",
    ]


async def test_one_mistake_does_not_spoil_what_follows():
    outcomes = {outcome.name: outcome for outcome in await judged(end_to_end=False)}
    right = [choice.right for choice in outcomes["wrong action"].choices]
    assert right == [False, False, True, True]


async def test_a_mistake_is_named_with_its_place():
    outcomes = {outcome.name: outcome for outcome in await judged(end_to_end=True)}
    assert outcomes["wrong action"].mistakes == (
        "tests/test_conversations.yml:18: utter_greet instead of utter_chat",
        "tests/test_conversations.yml:18: action_default_fallback instead of action_listen",
    )
    assert outcomes["wrong intent"].mistakes[0] == (
        "tests/test_conversations.yml:11: understood as greet: hello instead of bye: hello"
    )


# Other bots


def tell(tmp_path: Path, text: str) -> Transcript:
    file = tmp_path / "told.yml"
    file.write_text(f"stories:\n- story: told\n  steps:\n{text}")
    (transcript,) = load_transcripts(file)
    return transcript


def services(project: Path, **files: str) -> Services:
    for name, content in files.items():
        path = project / f"{name}.yml"
        path.write_text(content)
    read = load_project(project)
    return memory_services(read, examples_nlu(read), RemoteActions(None))


@pytest.fixture
def faq(tmp_path: Path) -> Services:
    return services(
        tmp_path,
        config="policies: [{name: RulePolicy}]\npipeline: []",
        domain="intents: [faq]\nresponses:\n  utter_faq/hours: [{text: Ten.}]\n"
        "  utter_faq/place: [{text: Here.}]\n",
        data="version: '3.1'\nrules:\n- rule: faq\n  steps:\n  - intent: faq\n"
        "  - action: utter_faq\nnlu:\n- intent: faq/hours\n  examples: |\n    - when\n"
        "- intent: faq/place\n  examples: |\n    - where\n",
    )


async def test_a_retrieval_answer_is_compared_in_full(faq: Services, tmp_path: Path):
    right = tell(tmp_path, "  - user: when\n    intent: faq/hours\n  - action: utter_faq/hours\n")
    assert (await run_story(right, faq)).passed
    wrong = tell(tmp_path, "  - user: when\n    intent: faq/hours\n  - action: utter_faq/place\n")
    (mistake,) = (await run_story(wrong, faq)).mistakes
    assert mistake.endswith("utter_faq/hours instead of utter_faq/place")


async def test_the_group_of_answers_alone_is_right_too(faq: Services, tmp_path: Path):
    told = tell(tmp_path, "  - user: where\n    intent: faq\n  - action: utter_faq\n")
    assert (await run_story(told, faq)).passed
    assert (await hold(told, faq)).passed


async def test_a_retrieval_answer_of_a_held_conversation_is_compared_in_full(
    faq: Services, tmp_path: Path
):
    right = tell(tmp_path, "  - user: when\n    intent: faq/hours\n  - action: utter_faq/hours\n")
    assert (await hold(right, faq)).mistakes == ()
    assert (await run_transcript(replace(right, name="again"), faq)).differences == ()
    wrong = tell(tmp_path, "  - user: when\n    intent: faq/hours\n  - action: utter_faq/place\n")
    (mistake,) = (await hold(replace(wrong, name="wrong"), faq)).mistakes
    assert mistake.endswith("utter_faq/hours instead of utter_faq/place")


@pytest.fixture
def tablebot() -> Services:
    project = load_project(DATA / "tablebot")
    return memory_services(project, examples_nlu(project), RemoteActions(None))


TABLE = """
  - user: a table for [four](people:4)
    intent: book
  - action: table_form
  - active_loop: table_form
  - user: nice weather
    intent: chat
  - action: utter_chat
  - action: table_form
"""


async def test_a_form_that_leaves_a_message_to_others_counts_as_rejected(
    tablebot: Services, tmp_path: Path
):
    outcome = await run_story(tell(tmp_path, TABLE), tablebot)
    assert outcome.passed, outcome.mistakes


async def test_what_was_so_before_is_so(tablebot: Services, tmp_path: Path):
    """In the form from the start: its action is due again after small talk."""
    story = "  - active_loop: table_form\n  - intent: chat\n  - action: utter_chat\n"
    told = tell(tmp_path, f"{story}  - action: table_form\n")
    assert (await run_story(told, tablebot, end_to_end=False)).passed


async def test_a_held_conversation_has_an_outcome_like_a_predicted_one(
    tablebot: Services, tmp_path: Path
):
    story = TABLE.replace("  - action: utter_chat\n", "  - bot: Hm.\n")
    outcome = await hold(tell(tmp_path, story), tablebot)
    assert [mistake.partition(": ")[2] for mistake in outcome.mistakes] == [
        "bot should be 'Hm.', is ['The weather is fine.', 'On the terrace?']",
        "utter_chat instead of table_form",
        "table_form instead of action_listen",
    ]
    written = outcome.written()
    assert [step.comment for step in written.steps if step.comment] == [
        "is: ['The weather is fine.', 'On the terrace?']",
        "predicted: utter_chat",
        "predicted: table_form",
    ]


@pytest.mark.parametrize(
    ("intent", "action"),
    [("restart", "action_restart"), ("inform", "action_default_fallback"), ("back", "action_back")],
)
async def test_the_bot_listens_after_what_takes_messages_back(
    intent: str, action: str, tmp_path: Path
):
    """In Rasa the action does nothing in a test, and the next listening is never predicted."""
    project = load_project(STORYBOT)
    parley = memory_services(project, ScriptedNlu({}), RemoteActions(None))
    story = tell(
        tmp_path,
        "  - intent: greet\n  - action: utter_greet\n"
        f"  - intent: {intent}\n  - action: {action}\n"
        "  - intent: chat\n  - action: utter_chat\n",
    )
    outcome = await run_story(story, parley, end_to_end=False)
    assert outcome.passed, outcome.mistakes


class Doubting:
    """Finds every message unlikely, once."""

    name = "UnexpecTEDIntentPolicy"

    def predict(self, tracker: Tracker, domain: Domain) -> Prediction:
        fresh = tracker.latest_action_name == "action_listen"
        action = "action_unlikely_intent" if fresh else "action_listen"
        return Prediction(action, 1.0, self.name, priority=9)


async def test_an_unlikely_intent_is_a_warning_not_a_mistake(tmp_path: Path):
    project = load_project(DATA / "tablebot")
    parley = memory_services(project, ScriptedNlu({}), RemoteActions(None))
    parley = replace(parley, bot=replace(parley.bot, policies=(Doubting(),)))
    outcome = await run_story(tell(tmp_path, "  - intent: chat\n"), parley, end_to_end=False)
    assert outcome.passed
    assert outcome.warnings == ("told.yml:4: action_unlikely_intent before action_listen",)
    write_results(tmp_path, [outcome], Wanted(plot=False))
    root = read_yaml((tmp_path / "stories_with_warnings.yml").read_text(), "x", Report())
    found: Any = root.plain() if root else None
    assert found["stories"][0]["story"] == "told (told.yml)"
