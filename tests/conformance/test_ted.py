"""Projects with learned policies, trained here, through the scripts that Rasa's TED went through.

Compared by the share of steps that go the same way. Off the paths of the stories a TED does one
thing or another by chance: Rasa 3.6.21, trained again on the same projects, goes as in its own
recording in 69 % of formbot's steps, 78 % of helpdesk-assistant's, 77 % of ecommerce-shreyas'.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.actions.base import ActionAnswer
from bot.dialogue.domain import Domain
from bot.dialogue.messages import Message
from bot.dialogue.tracker import Tracker
from bot.dialogue.written import event_state
from bot.model.policy import current_policy, policy_registry
from bot.predict import make_policies
from bot.project.load import load_project
from bot.project.project import Component, Project
from bot.services import Services
from bot.testing.services import HandClock, ScriptedNlu, memory_services
from bot.turn import take_turn
from tests.transcripts.golden import GOLDEN, flow, load
from training.policy_publish import build_policy
from training.policy_recipe import adjusted, load_policy_recipe

PROJECTS = GOLDEN.parent / "rasa-projects"
AT_LEAST = {
    "moodbot": 0.97,
    "concertbot": 0.90,
    "helpdesk-assistant": 0.905,
    "formbot": 0.90,
    "ecommerce-shreyas": 0.70,
}
"""The share of the steps that must go as in Rasa; above memoization and rules alone."""
WANTED = {
    "moodbot": 0.97,
    "concertbot": 0.90,
    "helpdesk-assistant": 0.95,
    "formbot": 0.90,
    "ecommerce-shreyas": 0.85,
}
"""What was hoped for; above what Rasa, trained again, reaches of itself."""

pytestmark = [
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="shared/rasa-golden is absent"),
    pytest.mark.torch,
]


class Obliging:
    """Does whatever it is asked, which is nothing."""

    async def run(
        self, action: str, tracker: Tracker, domain: Domain, *, call_id: str
    ) -> ActionAnswer:
        return ActionAnswer((), ())


@pytest.mark.parametrize("name", AT_LEAST)
async def test_a_trained_project_goes_mostly_as_with_rasas_ted(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = load(f"ted-{name}")
    project = _project(PROJECTS / name, recording.content["policies"])
    recipe = msgspec.structs.replace(adjusted(load_policy_recipe(), project), holdout=0.0)
    build_policy(project, recipe, policy_registry(tmp_path))
    policies = make_policies(project, current_policy(project, tmp_path))
    same = steps = 0
    for conversation in recording.conversations:
        clock = HandClock()
        parley = memory_services(project, ScriptedNlu({}), Obliging(), clock=clock)
        parley = replace(parley, bot=replace(parley.bot, policies=policies))
        for agrees in await _agreements(conversation, parley, clock):
            same, steps = same + agrees, steps + 1
    with capsys.disabled():
        told = f"\n{name}: {same}/{steps} = {same / steps:.1%}, wanted {WANTED[name]:.0%}\n"
        sys.stdout.write(told)
    assert steps == sum(len(each["steps"]) for each in recording.conversations)
    assert same / steps >= AT_LEAST[name]


def _project(path: Path, policies: list[dict[str, object]]) -> Project:
    project = load_project(path)
    components = [Component(str(each.pop("name")), each) for each in map(dict, policies)]
    config = msgspec.structs.replace(project.config, policies=tuple(components))
    return msgspec.structs.replace(project, config=config)


async def _agreements(
    conversation: dict[str, Any], parley: Services, clock: HandClock
) -> list[bool]:
    """Of each step, whether it went as in Rasa."""
    sender = conversation["id"]
    found = []
    for step in conversation["steps"]:
        clock.advance(0.01)
        await parley.log.accept(Message(sender, step["user"]))
        waiting = await parley.log.waiting(sender)
        assert waiting is not None
        done = await take_turn(waiting, parley)
        found.append(flow([event_state(event) for event in done.events]) == step["flow"])
    return found
