"""`parley models replay`: every logged turn gives again what is in the log, or it is told."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from bot.dialogue.events import ActionExecuted, Event, LoopInterrupted, SlotSet, UserUttered
from bot.testing.replay import steps
from bot.testing.replaying import Replayed
from nlu.bundle import open_bundle
from nlu.parse import Intent, Parse
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.registry import Registry
from tests.unit.testing.replayed import RULES, TALKS, hold, settings_of, write_project
from training.cli import register

TURNS = sum(map(len, TALKS.values()))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project, and a home with the log of what was said to it."""
    root = tmp_path_factory.mktemp("held")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PARLEY_HOME", str(root / "home"))
        asyncio.run(hold(write_project(root / "project")))
    return root


@pytest.fixture
def project(held: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it, to be changed."""
    shutil.copytree(held, tmp_path / "held")
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "held" / "home"))
    yield tmp_path / "held" / "project"
    logging.getLogger("bot").setLevel(logging.NOTSET)


def replay(project: Path, *arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["models", "--project", str(project), "replay", *arguments])


def replayed(project: Path, *arguments: str) -> Replayed:
    result = replay(project, "--json", *arguments)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return msgspec.json.decode(result.stdout, type=Replayed)


@contextmanager
def log_of(project: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(settings_of(project).sql_url.removeprefix("sqlite:///"))
    with closing(db), db:
        yield db


def logged(project: Path, conversation: str, seq: int) -> dict[str, Any]:
    """An event of the log."""
    asked = "SELECT event FROM event WHERE conversation_id = ? AND seq = ?"
    with log_of(project) as db:
        [[body]] = db.execute(asked, (conversation, seq)).fetchall()
    event: dict[str, Any] = json.loads(body)
    return event


def rewrite(project: Path, conversation: str, seq: int, **values: object) -> None:
    """Forge an event of the log."""
    event = json.dumps(logged(project, conversation, seq) | values)
    with log_of(project) as db:
        changed = "UPDATE event SET event = ? WHERE conversation_id = ? AND seq = ?"
        db.execute(changed, (event, conversation, seq))


def at(project: Path, conversation: str, kind: str, nth: int = 0) -> int:
    """The number of an event of that kind."""
    asked = "SELECT seq, event FROM event WHERE conversation_id = ? ORDER BY seq"
    with log_of(project) as db:
        rows = db.execute(asked, (conversation,)).fetchall()
    return [seq for seq, body in rows if json.loads(body)["event"] == kind][nth]


def test_every_turn_of_a_log_is_done_again_to_the_last_bit(project):
    """Rules, a form with its own validation, an action that fails, one that declines, variations
    drawn by chance, a fallback, an answer chosen by the selector, payloads."""
    result = replay(project)
    assert result.exit_code == 0, result.output
    assert "All as recorded." in result.output
    found = replayed(project)
    assert (found.conversations, found.turns, found.parses) == (3, TURNS, TURNS - 2)
    assert found.steps > 3 * found.turns
    assert found.apart == 0
    assert found.others == found.stale == 0


def test_one_conversation_is_done_alone(project):
    assert replayed(project, "bob").turns == len(TALKS["bob"])


@pytest.mark.parametrize(
    ("kind", "nth", "values", "part"),
    [
        ("action", 2, {"confidence": 0.9999999999999999}, "action"),
        ("action", 2, {"name": "utter_default"}, "action"),
        ("bot", 0, {"text": "Hello!"}, "action"),
        ("slot", 5, {"value": "coffee"}, "slots"),
    ],
)
def test_what_the_model_would_not_do_is_told(project, kind, nth, values, part):
    seq = at(project, "ann", kind, nth)
    rewrite(project, "ann", seq, **values)
    found = replayed(project, "ann")
    first = found.differences[0]
    assert (first.part, first.seq <= seq < first.seq + 3) == (part, True)
    assert found.broken == len(found.differences) <= 2  # what follows may not follow from it
    assert replay(project, "ann").exit_code == 1


def test_labels_and_confidences_that_the_model_does_not_give_are_told(project):
    first, second = at(project, "ann", "user"), at(project, "ann", "user", 1)
    parse = logged(project, "ann", first)["parse_data"]
    rewrite(
        project, "ann", first, parse_data=parse | {"intent": {"name": "greet", "confidence": 0.5}}
    )
    other = Parse("open", Intent("bye", 1.0))
    rewrite(project, "ann", second, parse_data=msgspec.to_builtins(other))
    parses = [each for each in replayed(project, "ann").differences if each.part == "parse"]
    assert [each.seq for each in parses] == [first, second]
    assert "apart" in parses[0].now
    assert (parses[1].recorded, parses[1].now) == ("bye", "faq")
    assert "confidences" not in {e.recorded for e in replayed(project, "--bound", "1").differences}


def test_what_a_changed_project_does_otherwise_is_told_apart(project):
    (project / "data" / "rules.yml").write_text(
        RULES.replace("{action: utter_greet}", "{action: utter_default}")
    )
    found = replayed(project)
    assert found.stale == found.turns
    assert {each.is_stale for each in found.differences} == {True}
    assert found.broken == 0
    result = replay(project)
    assert result.exit_code == 0
    assert "the project changed" in result.output


def test_a_model_that_is_not_current_any_more_understands_again_what_it_understood(project):
    Registry(project / "models").use("v2")
    assert replayed(project).parses == TURNS - 2


def test_a_model_that_is_gone_leaves_the_dialogue_to_be_done_again(project):
    registry = Registry(project / "models")
    registry.use("v2")
    shutil.rmtree(project / "models" / "v1")
    found = replayed(project)
    assert found.parses == 0
    assert found.skipped["by a model that is not in the registry"] == TURNS - 2
    assert found.differences == []


def test_what_people_set_right_is_not_taken_for_the_models_word(project):
    seq = at(project, "ann", "user")
    corrected = msgspec.structs.replace(Parse("hello", Intent("bye", 1.0)), corrected=True)
    rewrite(project, "ann", seq, parse_data=msgspec.to_builtins(corrected))
    found = replayed(project, "ann")
    assert found.skipped["with people's labels mixed in"] == 1
    assert not [each for each in found.differences if each.part == "parse"]


def test_what_an_agent_wrote_is_taken_as_it_is():
    events: list[Event] = [SlotSet(name="a", value=1), UserUttered(text="hi", timestamp=2.0)]
    assert [step.kind for step in steps(events)] == ["other", "user"]


def test_what_a_policy_logs_belongs_to_the_action_behind_it():
    events: list[Event] = [
        ActionExecuted(name="a", confidence=1.0),
        SlotSet(name="x"),
        LoopInterrupted(is_interrupted=True),
        ActionExecuted(name="b", confidence=0.5),
        ActionExecuted(name="inside b"),
    ]
    assert [len(step.events) for step in steps(events)] == [2, 3]


async def test_a_text_is_understood_alone_as_in_any_company(project):
    bundle = open_bundle(project / "models" / "v1")
    texts = [text for talk in TALKS.values() for text in talk]
    async with serve(bundle) as served:
        nlu = Nlu(Pipeline(), served)
        alone = [await nlu.parse(text) for text in texts]
        together = await asyncio.gather(*(nlu.parse(text) for text in texts * 3))
    assert list(together) == alone * 3


async def test_a_parse_says_that_labels_were_mixed_in(project):
    bundle = open_bundle(project / "models" / "v1")
    async with serve(bundle) as served:
        nlu = Nlu(Pipeline(), served)
        heeded = nlu.heed()
        assert heeded
        vector = await heeded.read("order")
        unit = vector / (vector @ vector) ** 0.5
        heeded.corrections.put("one", unit, "bye")
        near, far = await nlu.parse("order"), await nlu.parse("cafe")
    assert near.corrected is True
    assert far.corrected is msgspec.UNSET
    assert b"corrected" not in msgspec.json.encode(far)
