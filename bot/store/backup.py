"""A copy of a SQLite database while servers write to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from bot.errors import BadRequest, Unavailable
from bot.store.database import parse_url, shown
from bot.store.private import make_file

WAIT_S = 5.0


def back_up(url: str, file: Path) -> None:
    """Write the database at ``url`` to ``file``, as it stands at one moment.

    Raises BadRequest when ``file`` is there
    already or the database is no SQLite, Unavailable when it cannot be read or written.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise BadRequest(
            f"{shown(parsed)} is backed up by its own tools: "
            f"pg_dump --format=custom --file={file} {shown(parsed)}"
        )
    source = Path(parsed.database or "")
    if not source.is_file():
        raise BadRequest(f"There is no database at {source}.")
    if file.exists():
        raise BadRequest(f"{file} is there already; name another file.")
    partial = file.with_name(f"{file.name}.partial")
    try:
        make_file(partial)
        _copy(source, partial)
        partial.replace(file)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            partial.unlink()
        raise Unavailable(f"{source} could not be copied to {file}: {error}") from error


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as read,
        closing(sqlite3.connect(target)) as written,
    ):
        read.execute(f"PRAGMA busy_timeout = {int(WAIT_S * 1000)}")
        # All pages in one step: it reads beside writers, and would begin anew after each of them.
        read.backup(written, pages=-1)
        # A file by itself: what belongs to it is in it.
        written.execute("PRAGMA journal_mode = DELETE")
