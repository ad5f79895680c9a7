"""Reminders go as recorded from Rasa 3.6, and where Rasa loses or mixes them up, they do not."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.actions.remote import RemoteActions
from bot.channels.base import parts
from bot.children import actions as action_server
from bot.dialogue.messages import Message
from bot.dialogue.written import event_state, tracker_state
from bot.external import external_message
from bot.project.load import load_project
from bot.project.project import Endpoint, Project
from bot.services import Services
from bot.testing.services import HandClock, ScriptedNlu, memory_services
from bot.turn import Done, load, take_turn
from tests.servers import wait_until
from tests.transcripts.golden import (
    GOLDEN,
    Difference,
    Recording,
    Seen,
    body_of,
    compared,
    is_strict,
)
from tests.transcripts.golden import load as load_recording

PYTHON = Path(__file__).parents[2] / os.environ.get(
    "PARLEY_ACTIONS_PYTHON", ".venv-actions/bin/python"
)

pytestmark = [
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="shared/rasa-golden is absent"),
    pytest.mark.services,
]


@pytest.fixture(scope="module")
def recording() -> Recording:
    return load_recording("reminders")


@pytest.fixture(scope="module")
def project(recording: Recording) -> Project:
    return load_project(recording.project)


@pytest.fixture(scope="module")
def actions_url(recording: Recording) -> Iterator[str]:
    child, url = action_server.start(recording.project, str(PYTHON))
    try:
        wait_until(lambda: action_server.is_ready(url), "the action server")
        yield url
    finally:
        child.stop()


@pytest.fixture
def clock() -> HandClock:
    return HandClock(time.time())  # the action server reads the real one


@pytest.fixture
async def parley(project: Project, actions_url: str, clock: HandClock) -> AsyncIterator[Services]:
    async with RemoteActions(Endpoint(actions_url)) as actions:
        yield memory_services(project, ScriptedNlu({}), actions, clock=clock)


@pytest.mark.parametrize("number", range(9))
async def test_recorded_reminders_go_as_in_rasa(
    number: int, recording: Recording, parley: Services, clock: HandClock
) -> None:
    conversation = recording.conversations[number]
    different: list[Difference] = []
    for at, step in enumerate(conversation["steps"]):
        if "sleep" in step:
            dones = await later(step["sleep"], parley, clock)
        else:
            dones = [await say(body_of(step)["message"], parley, clock)]
        if is_strict(conversation, at):
            different += compared(step, at, await seen(dones, parley), recording.content)
    assert different == []


async def test_two_users_with_one_name_of_a_reminder_get_one_each(
    parley: Services, clock: HandClock
) -> None:
    await say("/remind", parley, clock, "ann")
    await say("/remind", parley, clock, "bob")
    dones = await later(3, parley, clock, "ann", "bob")
    assert [done.replies[0].text for done in dones] == ["Ding for tea.", "Ding for tea."]


async def test_a_reminder_overdue_for_days_is_still_said(
    parley: Services, clock: HandClock
) -> None:
    await say("/remind", parley, clock)
    (done,) = await later(5 * 24 * 3600, parley, clock)
    assert done.replies[0].text == "Ding for tea."


async def test_a_reminder_of_an_earlier_session_ends_with_a_message_or_a_restart(
    parley: Services, clock: HandClock
) -> None:
    await say("/remind", parley, clock, "spoke")
    await say("/remind_keep", parley, clock, "restarted")
    await say("/remind_keep", parley, clock, "kept")
    # In the inbox before the reminders ring, and answered before them, in a session of their own.
    for name, text in (("spoke", "/greet"), ("restarted", "/restart"), ("kept", "/greet")):
        await parley.log.accept(Message(name, text))
    dones = await later(2 * 3600, parley, clock, "spoke", "restarted", "kept")
    assert [[reply.text for reply in done.replies] for done in dones] == [
        ["Hi."],
        [],
        [],
        [],
        ["Hi."],
        ["Ding for eggs."],
    ]


async def test_an_external_event_is_a_message_like_any_other(
    parley: Services, clock: HandClock
) -> None:
    await parley.log.accept(external_message("ann", "ding", {"what": "tea"}))
    (done,) = await later(0, parley, clock, "ann")
    assert [reply.text for reply in done.replies] == ["Ding for tea."]
    (user,) = (event for event in done.events if event_state(event)["event"] == "user")
    assert event_state(user)["text"] == "EXTERNAL: ding"


async def say(text: str, parley: Services, clock: HandClock, name: str = "ann") -> Done:
    clock.advance(0.01)
    await parley.log.accept(Message(name, text))
    (done,) = await later(0, parley, clock, name)
    return done


async def later(seconds: float, parley: Services, clock: HandClock, *names: str) -> list[Done]:
    """The turns of what waits or rings in the conversations, in order, after that time."""
    clock.advance(seconds)
    await parley.log.ring()
    dones = []
    for name in names or ("ann",):
        while waiting := await parley.log.waiting(name):
            dones.append(await take_turn(waiting, parley))
    return dones


async def seen(dones: list[Done], parley: Services) -> Seen:
    said: list[Any] = [part for done in dones for reply in done.replies for part in parts(reply)]
    events = [event_state(event) for done in dones for event in done.events]
    tracker, _ = await load("ann", parley)
    return Seen(said, events, tracker_state(tracker))
