"""The migration guide names what is there, and proves what it says differs."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import typer

from bot.app import create_app
from bot.cli import app
from bot.dialogue.events import Event
from bot.settings import Settings
from tests.transcripts.differences import DELIBERATE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "from-rasa.md"
GUIDE = PAGE.read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text under a heading."""
    return GUIDE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(title: str) -> list[list[str]]:
    """The cells of a section's table, its head left out."""
    lines = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines][1:]


@pytest.fixture(scope="module")
def commands() -> dict[str, set[str]]:
    """Every command with its options, those of training included."""
    for entry in entry_points(group="parley.commands"):
        entry.load()(app)
    found: dict[str, set[str]] = {}
    waiting: list[tuple[str, Any]] = [("parley", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop()
        below = getattr(command, "commands", {})
        waiting += [(f"{name} {each}", below[each]) for each in below]
        if not below or getattr(command, "invoke_without_command", False):
            found[name] = {option for param in command.params for option in param.opts}
    return found


def test_every_command_is_in_the_guide_and_no_other(commands: dict[str, set[str]]) -> None:
    told = re.findall(r"`(parley [a-z]+(?: [a-z]+)?)", section("Commands"))
    parts = {"parley train nlu", "parley train core", "parley shell nlu"}  # arguments
    unknown = set(told) - commands.keys() - parts
    assert unknown == set()
    alone = {"parley test", "parley models"}
    assert {name for name in commands if name not in told} - alone == set()


def test_the_options_of_commands_in_the_guide_exist(commands: dict[str, set[str]]) -> None:
    for command, options in re.findall(r"`(parley [a-z ]+?)((?: --[a-z-]+(?: [A-Z]+)?)+)`", GUIDE):
        known = commands.get(command) or commands[command.rsplit(" ", 1)[0]]
        assert set(re.findall(r"--[a-z-]+", options)) <= known, command


def test_the_options_and_settings_beside_rasas_exist(commands: dict[str, set[str]]) -> None:
    known = commands["parley run"]
    variables = {f"PARLEY_{name.upper()}" for name in Settings.model_fields}
    for rasa, parley, *_ in rows("Options and settings"):
        said = rasa if parley == "the same" else parley
        assert set(re.findall(r"`(-{1,2}[a-z][a-z-]*)`", said)) <= known
        assert set(re.findall(r"PARLEY_\w+", said)) <= variables


def test_every_route_is_in_the_guide_and_no_other() -> None:
    paths = create_app(Settings(enable_api=True)).openapi()["paths"]
    there = {f"{method.upper()} {path}" for path, each in paths.items() for method in each}
    told = set(re.findall(r"`([A-Z]+ /[^`]*)`", " ".join(row[0] for row in rows("The HTTP API"))))
    assert told == there - {"POST /webhooks/rest/webhook"}


def test_every_event_is_in_the_guide_and_no_other() -> None:
    tags = {msgspec.inspect.type_info(kind).tag for kind in get_args(Event)}
    assert set(re.findall(r"`([a-z_]+)`", " ".join(row[0] for row in rows("Events")))) == tags


def test_every_deliberate_difference_is_in_the_guide() -> None:
    there = rows("What differs on purpose")
    for each in DELIBERATE:
        assert [each.name, each.rasa, each.parley, f"`{each.test}`"] in there, each.name


def test_every_difference_names_a_test_that_exists() -> None:
    for name, *_, test in rows("What differs on purpose"):
        file, _, function = test.strip("`").partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^\s*(?:async )?def {function}\(", text, re.MULTILINE), name


def test_every_page_it_points_to_is_there() -> None:
    for link in re.findall(r"\]\(([^)#]+)", GUIDE):
        assert (PAGE.parent / link).is_file(), link
