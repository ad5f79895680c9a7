"""Where the parts of a project are, for those that are not where they are looked for."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from bot.errors import ProjectError


class ProjectPaths(msgspec.Struct, frozen=True):
    """Paths a person gave; None or empty: the usual place in the project's folder.

    ``domain`` is a file or a folder, ``data`` are files or folders. A relative path counts from
    the current folder, else from the project's.
    """

    domain: Path | None = None
    data: tuple[Path, ...] = ()
    config: Path | None = None
    endpoints: Path | None = None
    credentials: Path | None = None


def found(root: Path, path: Path, what: str) -> Path:
    """``path``, as it can be opened from here. Raises ProjectError where there is no such."""
    for candidate in (path, root / path):
        try:
            if candidate.exists():
                return candidate
        except OSError as error:
            raise ProjectError(
                f"{what} cannot be read: {error.strerror or error}.", file=str(path)
            ) from error
    raise ProjectError(
        f"there is no such {what}.",
        file=str(path),
        suggestion=f"It is looked for in {Path.cwd()} and in {root}.",
    )


def name_of(root: Path, path: Path) -> str:
    """How ``path`` is called in messages: from the project's folder, if it is in it."""
    absolute, folder = (Path(os.path.normpath(each.absolute())) for each in (path, root))
    if absolute.is_relative_to(folder):
        return absolute.relative_to(folder).as_posix()
    return absolute.as_posix()
