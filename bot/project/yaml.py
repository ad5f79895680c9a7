"""YAML with the place of every value: plain texts quickly, others by ``composer``."""

from __future__ import annotations

import re
from pathlib import Path
from stat import S_ISREG

from bot.errors import ProjectError
from bot.project.node import Node
from bot.project.quick import read_plain
from bot.project.report import Report

MOST_BYTES = 64 * 1024 * 1024

# ruamel refuses a block text that begins with a line of fewer spaces than the next has,
# which YAML 1.2 allows (section 8.1.1.1) and projects contain.
BLANK_LINE = re.compile(r"^ +(?=\r?$)", re.MULTILINE)


def read_text(path: Path, file: str) -> str:
    """The text of a UTF-8 file."""
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise ProjectError("is not a file.", file=file)
        if status.st_size > MOST_BYTES:
            raise ProjectError(
                f"is larger than {MOST_BYTES // 2**20} MiB.",
                file=file,
                suggestion="Split it into several files.",
            )
        return decode(path.read_bytes(), file)
    except OSError as error:
        raise ProjectError(f"cannot be read: {error.strerror or error}.", file=file) from error


def decode(data: bytes, file: str) -> str:
    """``data`` as UTF-8 text."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise ProjectError(
            f"is not UTF-8 text (byte 0x{data[error.start]:02x}).",
            file=file,
            line=line,
            column=column,
            suggestion="Save it as UTF-8.",
        ) from None


def read_yaml(text: str, file: str, report: Report) -> Node | None:
    """The root node of a YAML text, None when it cannot be read; problems go to ``report``."""
    text = BLANK_LINE.sub("", text)
    if (root := read_plain(text, file)) is not None:
        return root
    from bot.project.composer import compose  # its library is large, and most texts are plain

    return compose(text, file, report)
