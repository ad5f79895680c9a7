"""Conversations recorded from a real Rasa 3.6 server go the same way here."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.actions.remote import RemoteActions
from bot.children import actions as action_server
from bot.project.load import load_project
from bot.project.project import Endpoint, Project
from bot.testing.services import HandClock, ScriptedNlu, memory_services
from tests.servers import wait_until
from tests.transcripts.agreement import Agreement
from tests.transcripts.golden import GOLDEN, Recording, load, replay

PYTHON = os.environ.get("PARLEY_ACTIONS_PYTHON", ".venv-actions/bin/python")
NOBODY_LISTENS = "http://127.0.0.1:9/webhook"

PROJECTS = (
    "rules",
    "stories",
    "stories_augmented",
    "stories_maxhist2",
    "slots",
    "forms",
    "forms_requested_slot",
    "responses",
    "session_carry",
    "session_nocarry",
    "session_inmemory",
    "form_validation",
    "two_stage",
    "fallback_simple",
    "fallback_off",
    "retrieval",
    "actions_events",
    "actions_down",
    "overrides",
    "e2e_text",
)

pytestmark = [
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="shared/rasa-golden is absent"),
    pytest.mark.services,
]


@dataclass
class Stage:
    """A recorded project, and the actions it runs with."""

    recording: Recording
    project: Project
    actions: RemoteActions


@pytest.fixture(params=PROJECTS)
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    recording = load(request.param)
    child = None
    endpoint = Endpoint(NOBODY_LISTENS) if request.param == "actions_down" else None
    if (recording.project / "actions").is_dir():
        child, url = action_server.start(recording.project, str(_python()))
        wait_until(lambda: action_server.is_ready(url), "the action server")
        endpoint = Endpoint(url)
    try:
        async with RemoteActions(endpoint) as actions:
            yield Stage(recording, load_project(recording.project), actions)
    finally:
        if child is not None:
            child.stop()


def _python() -> Path:
    python = Path(__file__).parents[2] / PYTHON
    if not python.exists():
        pytest.skip(f"{python} has no rasa-sdk; name one in PARLEY_ACTIONS_PYTHON")
    return python


async def test_recorded_conversations_go_as_in_rasa_but_for_deliberate_differences(stage: Stage):
    agreement = Agreement(stage.recording.name)
    for conversation in stage.recording.told():
        clock = HandClock()
        nlu = ScriptedNlu(stage.recording.parses())
        parley = memory_services(stage.project, nlu, stage.actions, clock=clock)
        found = await replay(stage.recording, conversation, parley, clock)
        agreement.add(conversation["id"], found)
    assert not agreement.unexplained, str(agreement)
    assert not agreement.stale, str(agreement)
