"""Whole conversations in Rasa's end-to-end format, with a scripted NLU."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.actions.remote import RemoteActions
from bot.errors import ProjectError
from bot.project.load import load_project
from bot.services import Services
from bot.testing.services import examples_nlu, memory_services
from bot.testing.transcripts import Transcript, load_transcripts, run_transcript

HERE = Path(__file__).parent
TABLEBOT = HERE.parent / "data" / "tablebot"


@pytest.fixture
def services() -> Services:
    project = load_project(TABLEBOT)
    return memory_services(project, examples_nlu(project), RemoteActions(None))


@pytest.mark.parametrize(
    "transcript", load_transcripts(HERE / "tablebot.yml"), ids=lambda t: t.name
)
async def test_a_conversation_goes_as_told(transcript: Transcript, services: Services):
    result = await run_transcript(transcript, services)
    assert result.passed, str(result)


async def test_what_goes_another_way_is_named_with_its_place(tmp_path: Path, services: Services):
    file = tmp_path / "wrong.yml"
    file.write_text(
        """stories:
- story: all wrong
  steps:
  - user: hello, I am [Eve](name)
    intent: greet
  - user: hello
    intent: thank
  - slot_was_set:
    - people
  - action: utter_welcome
  - active_loop: table_form
  - bot: Good morning.
"""
    )
    (transcript,) = load_transcripts(file)
    result = await run_transcript(transcript, services)
    assert not result.passed
    assert [(each.kind, each.place) for each in result.differences] == [
        ("intent", "wrong.yml:4"),
        ("entities", "wrong.yml:4"),
        ("actions", "wrong.yml:4"),
        ("intent", "wrong.yml:6"),
        ("actions", "wrong.yml:6"),
        ("slot people", "wrong.yml:9"),
        ("active_loop", "wrong.yml:11"),
        ("bot", "wrong.yml:12"),
    ]
    assert "wrong.yml:12: bot should be 'Good morning.', is ['Good evening.']" in str(result)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stories: nothing", "must be a list"),
        ("stories:\n- steps: []", "no 'story'"),
        ("stories:\n- story: a\n  steps:\n  - action: utter_a", "begins with action"),
        ("stories:\n- story: a\n  steps:\n  - weather: fine", "keys weather"),
        ("stories: [", "wrong.yml:1"),
    ],
)
def test_a_file_that_is_no_transcript_is_refused_with_its_place(
    text: str, says: str, tmp_path: Path
):
    file = tmp_path / "wrong.yml"
    file.write_text(text)
    with pytest.raises(ProjectError, match=says):
        load_transcripts(file)
