"""Begins a new project from the template that comes with Parley."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from bot.errors import ProjectError

RENAMED = {"gitignore": ".gitignore"}
"""Files that would mean something to the tools that package Parley under their real name."""


def init_project(path: Path | str) -> list[str]:
    """Copy the template into the folder ``path``, made if need be, and name the files written.

    Raises ProjectError when something is there already or the folder cannot be written.
    """
    folder = Path(path)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ProjectError(
                "is not an empty folder.",
                file=str(folder),
                suggestion="Give the name of a new one.",
            )
        return sorted(_copy(files("bot").joinpath("template"), folder, ""))
    except OSError as error:
        raise ProjectError(
            f"cannot be written: {error.strerror or error}.", file=str(folder)
        ) from error


def _copy(source: Traversable, target: Path, below: str) -> list[str]:
    target.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    for item in source.iterdir():
        name = RENAMED.get(item.name, item.name)
        if item.is_dir():
            written += _copy(item, target / name, f"{below}{name}/")
        else:
            (target / name).write_bytes(item.read_bytes())
            written.append(f"{below}{name}")
    return written
