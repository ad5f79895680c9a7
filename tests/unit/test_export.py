"""Conversations out of the log: as stories that `parley test` passes again, and as trackers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner, Result

from bot.actions.remote import RemoteActions
from bot.cli import app
from bot.dialogue.events import Event
from bot.dialogue.messages import Message
from bot.errors import ParleyError
from bot.project.load import load_project
from bot.services import Services
from bot.store import schema
from bot.store.sql import open_log
from bot.testing.services import HandClock, examples_nlu, memory_services
from bot.testing.stories import run_story
from bot.testing.told import load_transcripts
from bot.turn import take_turn

TABLEBOT = Path(__file__).parents[1] / "data" / "tablebot"
BOOKING = ("a table please", "we are two", "yes", "by the window", "thanks")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path}/parley.db"
    monkeypatch.setenv("PARLEY_DATABASE_URL", url)
    return url


def talk(url: str, clock: HandClock | None = None, **conversations: tuple[str, ...]) -> None:
    """Let tablebot hold ``conversations`` over the log at ``url``."""
    schema.upgrade(url)

    async def hold() -> None:
        project = load_project(TABLEBOT)
        services = memory_services(project, examples_nlu(project), RemoteActions(None), clock=clock)
        async with open_log(url, clock=services.clock) as log:
            for name, texts in conversations.items():
                for text in texts:
                    await said(name, text, replace(services, log=log))

    asyncio.run(hold())


async def said(name: str, text: str, services: Services) -> None:
    await services.log.accept(Message(name, text))
    waiting = await services.log.waiting(name)
    assert waiting
    await take_turn(waiting, services)


def export(*words: str, expect: type[BaseException] | None = None) -> Result:
    result = CliRunner().invoke(app, ["export", *words, "--project", str(TABLEBOT)])
    if expect is None:
        assert result.exit_code == 0, (result.output, result.exception)
    else:
        assert isinstance(result.exception, expect), result.output
    return result


def test_what_was_said_passes_as_a_test(url: str, tmp_path: Path):
    talk(url, ada=BOOKING, bob=("hello", "what?", "thanks"))
    out = tmp_path / "test_exported.yml"
    export("stories", "--out", str(out))
    project = load_project(TABLEBOT)
    services = memory_services(project, examples_nlu(project), RemoteActions(None))
    ada, bob = load_transcripts(out)
    assert [turn.text for turn in ada.turns] == list(BOOKING)
    for told in (ada, bob):
        outcome = asyncio.run(run_story(told, services))
        assert outcome.passed, outcome.mistakes


def test_one_conversation_can_be_asked_for(url: str):
    talk(url, ada=("hello",), bob=("hello",))
    shown = export("stories", "--conversation", "bob").stdout
    assert "- story: bob" in shown
    assert "ada" not in shown


def test_only_what_went_on_since_is_told(url: str):
    clock = HandClock()
    talk(url, clock, ada=("hello",))
    clock.advance(48 * 3600)
    talk(url, clock, bob=("hello",))
    shown = export("stories", "--since", "2023-11-15T12:00").stdout
    assert "- story: bob" in shown
    assert "- story: ada" not in shown


def test_sessions_are_stories_of_their_own(url: str):
    clock = HandClock()
    talk(url, clock, ada=("hello",))
    clock.advance(48 * 3600)
    talk(url, clock, ada=("thanks",))
    assert export("stories").stdout.count("- story:") == 1
    shown = export("stories", "--all-sessions").stdout
    assert "- story: ada\n" in shown
    assert "- story: ada, session 2\n" in shown
    assert shown.count("stories:") == 1


def test_to_learn_from_there_are_intents_without_text(url: str):
    talk(url, ada=("hello, I am Ada",))
    shown = export("stories", "--for", "training").stdout
    assert "- intent: greet\n    entities:\n    - name: Ada\n" in shown
    assert "user:" not in shown


def test_a_tracker_is_what_the_api_shows(url: str):
    talk(url, ada=("hello, I am Ada",))
    shown = json.loads(export("tracker", "--conversation", "ada").stdout)
    assert shown["sender_id"] == "ada"
    assert shown["slots"]["name"] == "Ada"
    assert shown["events"][0]["name"] == "action_session_start"
    assert msgspec.convert(shown["events"], list[Event])


def test_many_trackers_are_a_line_each(url: str, tmp_path: Path):
    talk(url, ada=("hello",), bob=("hello",))
    out = tmp_path / "trackers.jsonl"
    export("tracker", "--out", str(out))
    lines = out.read_text().splitlines()
    assert [json.loads(line)["sender_id"] for line in lines] == ["ada", "bob"]


def test_every_conversation_comes_once_however_many_there_are(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.store.archive.PAGE", 2)
    names = [f"c{at}" for at in range(5)]
    talk(url, **dict.fromkeys(names, ("hello",)))
    shown = export("tracker").stdout.splitlines()
    assert [json.loads(line)["sender_id"] for line in shown] == names


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("stories", "--conversation", "nobody"), "no conversation 'nobody'"),
        (("stories", "--since", "yesterday"), "such as 2026-01-31"),
        (("tracker", "--out", "/proc/none/x"), "cannot be written"),
    ],
)
def test_what_cannot_be_exported_is_said(words: tuple[str, ...], says: str, url: str):
    talk(url, ada=("hello",))
    assert says in str(export(*words, expect=ParleyError).exception)


def test_without_a_database_nobody_has_spoken(url: str):
    assert "nobody has spoken" in str(export("stories", expect=ParleyError).exception)


def test_a_file_is_left_as_it_was_when_something_goes_wrong(url: str, tmp_path: Path):
    talk(url, ada=("hello",))
    out = tmp_path / "stories.yml"
    out.write_text("before")
    export("stories", "--conversation", "nobody", "--out", str(out), expect=ParleyError)
    assert out.read_text() == "before"
    assert sorted(file.name for file in tmp_path.glob("*stories*")) == ["stories.yml"]


def test_a_log_without_conversations_is_an_empty_file_of_stories(url: str):
    schema.upgrade(url)
    assert export("stories").stdout == 'version: "3.1"\nstories: []\n'
