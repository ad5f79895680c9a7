"""What `--help` shows of every command."""

from __future__ import annotations

import platform
from collections.abc import Iterator

import pytest
import typer.main
from rich.markup import render
from typer.testing import CliRunner

from bot.cli import app, whole
from bot.version import VERSION

HELPS = ("help", "short_help", "epilog")


def commands(command, path: str = "parley") -> Iterator[tuple[str, object]]:
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, f"{path} {name}")


EVERY = dict(commands(typer.main.get_command(whole())))


@pytest.mark.parametrize("path", EVERY)
def test_no_words_of_a_help_are_taken_for_markup(path: str):
    command = EVERY[path]
    texts = [getattr(each, "help", None) for each in (command, *command.params)]
    for text in filter(None, texts):
        assert render(text).plain == text


@pytest.mark.parametrize("words", [["--version"], ["-V"], ["version"]])
def test_the_version_is_printed_however_it_is_asked_for(words: list[str]):
    done = CliRunner().invoke(app, words)
    assert (done.exit_code, done.output) == (
        0,
        f"Parley {VERSION}, Python {platform.python_version()}\n",
    )


def test_the_first_command_listed_is_the_first_one_needs():
    assert next(iter(EVERY["parley"].commands)) == "init"


def test_however_often_it_is_called_each_command_is_there_once():
    for group in (whole(), whole().registered_groups[-1].typer_instance):
        names = [each.name or each.callback.__name__ for each in group.registered_commands]
        assert len(names) == len(set(names)) > 0
    groups = [each.name for each in whole().registered_groups]
    assert len(groups) == len(set(groups))
