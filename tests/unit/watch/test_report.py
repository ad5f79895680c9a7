"""`parley report`: from a log to a page, and to a file that the server's metrics read."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from bot.dialogue.events import ActionExecuted, AgentUttered, Event, UserUttered
from bot.errors import NotFound
from bot.model.drifted import Drift, DriftFile, file_of
from bot.review.item import Opinion, ReviewItem, Said, new_id
from bot.review.turn import Turn
from bot.settings import Settings
from bot.store import schema
from bot.store.reviews import open_reviews
from bot.store.sql import open_log
from nlu.parse import Intent, Parse
from tests.unit.testing.replayed import settings_of, write_project
from training.cli import register
from training.watch.gather import DAY_S, Plan, gather
from training.watch.report import Report

NOW = time.time()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    return write_project(tmp_path / "project")


def report(project: Path, *arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["report", "--project", str(project), *arguments])


def said(text: str, at: float, *, channel: str = "rest", fell: bool = False) -> UserUttered:
    name = "nlu_fallback" if fell else "greet"
    parse = Parse(text, Intent(name, 0.9), intent_ranking=(Intent(name, 0.9), Intent("greet", 0.5)))
    return UserUttered(text=text, timestamp=at, input_channel=channel, parse_data=parse)


async def log_of(settings: Settings, texts: dict[float, list[str]]) -> None:
    """One conversation of two turns a text and its age in days."""
    schema.upgrade(settings.sql_url)
    for age, each in texts.items():
        at = NOW - age * DAY_S
        async with open_log(settings.sql_url, clock=lambda at=at: at) as log:
            for number, text in enumerate(each):
                channel = "web" if number % 2 else "rest"
                events: list[Event] = [
                    said(text, at, channel=channel),
                    said("hello", at + 1, channel=channel, fell=number % 10 == 0),
                    ActionExecuted(name="action_listen"),
                ]
                if number % 5 == 0:
                    events.append(AgentUttered(text="I am here.", timestamp=at + 2))
                await log.commit(f"{age}-{number}", events, seq=0, epoch=0)


def hold(project: Path, latest: str) -> Settings:
    settings = settings_of(project)
    before = ["hello", "order tea", "bye"] * 30
    texts = dict.fromkeys((8.0, 10.0), before)
    asyncio.run(log_of(settings, texts | {age: [latest] * 90 for age in (0.5, 1.5, 2.5)}))
    return settings


WINDOWS = ("--days", "1", "--windows", "3", "--reference", "9")


def test_a_log_that_moved_is_an_alarm_in_page_terminal_and_file(project):
    settings = hold(project, "york cafe")
    result = report(project, *WINDOWS)
    assert result.exit_code == 1, result.output
    assert "ALARM all: which intents" in result.output
    assert "80.0% without a person" in result.output
    page = (settings.home / "report.html").read_text()
    assert not re.search(r'(src|href)="', page)
    for picture in re.findall(r"<svg.*?</svg>", page):
        ElementTree.fromstring(picture)
    assert "york" not in page
    drift = DriftFile(file_of(settings)).read()
    assert drift
    assert {each.measure for each in drift.moved if each.is_alarm and each.part == "all"} >= {
        "intents",
        "confidence",
    }


def test_a_log_that_did_not_move_is_none(project):
    settings = settings_of(project)
    same = ["hello", "order tea", "bye"] * 30
    asyncio.run(log_of(settings, dict.fromkeys((0.5, 1.5, 2.5, 8.0, 10.0), same)))
    result = report(project, "--json", *WINDOWS)
    assert result.exit_code == 0, result.output
    told = msgspec.json.decode(result.stdout, type=Report)
    assert told.alarms == ()
    assert [span.turns for span in told.windows] == [180] * 3
    assert told.reference.turns == 360
    assert {each.channel for each in told.days} == {"rest", "web"}
    assert sum(each.conversations for each in told.days) == 450
    assert sum(each.handoffs for each in told.days) == 90
    assert sum(each.fallbacks for each in told.days) == 45
    assert {each.part for each in told.shifts} >= {"all", "channel rest", "channel web"}
    again = msgspec.json.decode(report(project, "--json", *WINDOWS).stdout, type=Report)
    assert [each.turns for each in again.windows] == [180] * 3  # nothing is counted twice


def test_what_people_set_right_is_told(project):
    settings = hold(project, "hello")

    async def label() -> None:
        async with open_reviews(settings.sql_url) as reviews:
            for number, right in enumerate(("bye", "greet", "greet", None)):
                item = ReviewItem(
                    new_id(),
                    "hello",
                    conversation_id="c",
                    seq=number + 1,
                    at=NOW - DAY_S,
                    said=Said("greet", 0.9),
                    share="random" if number < 2 else "uncertain",
                )
                await reviews.propose([item])
                kept = await reviews.item(item.id)
                opinion = Opinion("intent" if right else "out_of_scope", "ann", NOW, right)
                decided = msgspec.structs.replace(kept, decision=opinion, state="decided")
                await reviews.keep([decided])

    asyncio.run(label())
    told = msgspec.json.decode(report(project, "--json", *WINDOWS).stdout, type=Report)
    people = told.reviewed
    assert (people.labels, people.right) == (4, 2)
    assert (people.by_chance, people.by_chance_right) == (2, 1)
    assert {(each.said, each.right, each.count) for each in told.confused} == {
        ("greet", "bye", 1),
        ("greet", "out of scope", 1),
    }


def test_an_empty_log_is_said(project):
    result = report(project)
    assert isinstance(result.exception, NotFound)
    assert "database" in str(result.exception)
    schema.upgrade(settings_of(project).sql_url)
    result = report(project)
    assert isinstance(result.exception, NotFound)
    assert "Nobody wrote anything" in str(result.exception)


def test_few_turns_make_a_report_without_drift(project):
    asyncio.run(log_of(settings_of(project), {1.0: ["hello"]}))
    result = report(project)
    assert result.exit_code == 0, result.output
    assert "Too few turns" in result.output


def test_memory_is_bounded_by_what_the_model_reads():
    turns = (Turn(f"c{n // 3}", n % 3, "hi", at=NOW - n % 30 * DAY_S - 1) for n in range(3000))
    found = gather(turns, Plan(NOW, most=20))
    assert [len(sample) for sample in found.samples] == [40, 20, 20, 20, 20]
    assert sum(span.turns for span in found.spans) == 3000


def test_turns_without_a_time_and_with_any_channel_are_counted():
    turns = [
        Turn("c", 0, "hi"),
        *(Turn(f"c{n}", 1, "hi", at=NOW - 1, channel=f"x{n}") for n in range(99)),
    ]
    found = gather(turns, Plan(NOW))
    assert found.undated == 1
    assert len({each.channel for each in found.days}) == 51
    assert sum(each.turns for each in found.days) == 99


def test_a_file_of_nonsense_holds_no_drift(tmp_path):
    file = tmp_path / "drift.json"
    read = DriftFile(file).read
    assert read() is None
    file.write_text("{")
    assert read() is None
    file.write_bytes(msgspec.json.encode(Drift(1.0)))
    assert read() == Drift(1.0)


def test_a_report_needs_no_torch():
    asked = "import training.watch.build, training.watch.page, sys; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
