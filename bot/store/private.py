"""Folders and files that hold what users wrote: for their owner alone, whatever the umask says."""

from __future__ import annotations

from pathlib import Path

FOLDER, FILE = 0o700, 0o600


def make_folder(folder: Path) -> None:
    """Make ``folder`` where there is none; one that is there keeps its owner's rights.

    Raises OSError.
    """
    folder.mkdir(mode=FOLDER, parents=True, exist_ok=True)


def make_file(file: Path) -> None:
    """Make ``file``, empty, where there is none. Raises OSError."""
    file.touch(mode=FILE)
