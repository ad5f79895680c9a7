"""The home folder of one running Parley: its conversations and its Redis file."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import SettingsError
from bot.store.private import make_folder


@contextmanager
def held(home: Path) -> Iterator[Path]:
    """Hold ``home``, made when missing, for this process alone.

    The lock is the kernel's (flock(2)) and goes with the process however it ends, so a pid
    written there by one that is gone means nothing. Raises SettingsError when another holds it.
    """
    try:
        make_folder(home)
        file = (home / "lock").open("a+")
    except OSError as error:
        raise SettingsError(f"PARLEY_HOME: cannot write to {home}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise SettingsError(
                f"another Parley (process {file.read().strip() or '?'}) runs on {home};"
                " stop it, or give this one another folder in PARLEY_HOME"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield home
