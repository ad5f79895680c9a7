"""Scripts made from other people's stories and rules go the way they went in Rasa."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bot.actions.base import ActionAnswer
from bot.dialogue.domain import Domain
from bot.dialogue.tracker import Tracker
from bot.project.load import load_project
from bot.project.project import Component, Project
from bot.testing.services import HandClock, ScriptedNlu, memory_services
from tests.transcripts.agreement import Agreement
from tests.transcripts.golden import GOLDEN, load, replay

PROJECTS = GOLDEN.parent / "rasa-projects"
RECORDINGS = sorted(path.stem for path in GOLDEN.glob("auto-*.json"))

pytestmark = pytest.mark.skipif(not RECORDINGS, reason="shared/rasa-golden is absent")


class Obliging:
    """Does whatever it is asked, which is nothing."""

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        return ActionAnswer((), ())


def _project(path: Path, policies: list[dict[str, object]]) -> Project:
    project = load_project(path)
    components = [Component(str(each.pop("name")), each) for each in map(dict, policies)]
    config = msgspec.structs.replace(project.config, policies=tuple(components))
    return msgspec.structs.replace(project, config=config)


@pytest.mark.parametrize("name", RECORDINGS)
async def test_generated_conversations_go_as_in_rasa(name: str):
    recording = load(name)
    project = _project(PROJECTS / name.removeprefix("auto-"), recording.content["policies"])
    agreement = Agreement(name)
    for conversation in recording.conversations:
        clock = HandClock()
        parley = memory_services(project, ScriptedNlu({}), Obliging(), clock=clock)
        found = await replay(recording, conversation, parley, clock)
        agreement.add(conversation["id"], found)
    assert not agreement.unexplained, str(agreement)
    assert not agreement.stale, str(agreement)
