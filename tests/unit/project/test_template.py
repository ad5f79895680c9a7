"""The conversations of the template go as its test file tells, given what each text means."""

from __future__ import annotations

from importlib.resources import as_file, files

import pytest

from bot.actions.remote import RemoteActions
from bot.project.load import load_project
from bot.testing.services import ScriptedNlu, memory_services
from bot.testing.stories import run_story
from bot.testing.transcripts import Said, Transcript, load_transcripts, run_transcript
from nlu.parse import Entity, Intent, Parse

with as_file(files("bot").joinpath("template")) as TEMPLATE:
    TRANSCRIPTS = load_transcripts(TEMPLATE / "tests")


def understood(said: Said) -> Parse:
    intent = Intent(said.intent, 1.0)
    entities = tuple(Entity(e.entity, e.value, e.start, e.end) for e in said.entities)
    return Parse(said.text, intent, entities, (intent,))


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda transcript: transcript.name)
async def test_a_conversation_goes_as_told(transcript: Transcript) -> None:
    nlu = ScriptedNlu({said.text: understood(said) for said in transcript.turns})
    async with RemoteActions(None) as actions:
        services = memory_services(load_project(TEMPLATE), nlu, actions)
        result = await run_transcript(transcript, services)
    assert result.passed, str(result)


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda transcript: transcript.name)
async def test_a_conversation_is_predicted_as_told(transcript: Transcript) -> None:
    async with RemoteActions(None) as actions:
        services = memory_services(load_project(TEMPLATE), ScriptedNlu({}), actions)
        outcome = await run_story(transcript, services, end_to_end=False)
    assert outcome.passed, outcome.mistakes
