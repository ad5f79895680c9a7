"""What `--help` shows of every command."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import typer.main
from rich.markup import render

from bot.cli import app

HELPS = ("help", "short_help", "epilog")


def commands(command, path: str = "parley") -> Iterator[tuple[str, object]]:
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, f"{path} {name}")


EVERY = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", EVERY)
def test_no_words_of_a_help_are_taken_for_markup(path: str):
    command = EVERY[path]
    texts = [getattr(each, "help", None) for each in (command, *command.params)]
    for text in filter(None, texts):
        assert render(text).plain == text
