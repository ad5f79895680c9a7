"""What a command writes: to the terminal, or to a file that appears whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from bot.errors import SettingsError
from bot.store.private import make_file


@contextmanager
def written(out: Path | None, *, private: bool = False) -> Iterator[TextIO]:
    """Where to write; None is the terminal, ``private`` a file for its owner alone to read.

    Raises SettingsError.
    """
    if out is None:
        yield sys.stdout
        return
    draft = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if private:
            make_file(draft)
        with draft.open("w", encoding="utf-8") as file:
            yield file
        draft.replace(out)
    except OSError as error:
        raise SettingsError(f"{out} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            draft.unlink()
