"""What a check comes to, and the ways of writing it down: for people, programs and GitHub."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, get_args

import msgspec

from bot.project.report import Problem, Severity

Format = Literal["text", "json", "github"]
SCHEMA = 1  # of the JSON; raised when a key changes its meaning or goes
COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}


class Verdict(msgspec.Struct, frozen=True):
    """The problems of the project in ``folder``. ``is_read`` False: there was nothing to read."""

    folder: Path
    problems: tuple[Problem, ...]
    is_read: bool = True

    def count(self, severity: Severity) -> int:
        """How many problems of one kind there are."""
        return sum(problem.severity == severity for problem in self.problems)

    def exit_status(self, *, strict: bool = False) -> int:
        """0 all is well, 1 there are errors (``strict``: or warnings), 2 there is no project."""
        if not self.is_read:
            return 2
        return int(bool(self.count("error") or (strict and self.count("warning"))))

    @property
    def summary(self) -> str:
        """One line for all of them."""
        counts = [_count(self.count("error"), "error"), _count(self.count("warning"), "warning")]
        if notes := self.count("note"):
            counts.append(_count(notes, "note"))
        return f"{self.folder}: {', '.join(counts)}."


def written(verdict: Verdict, form: Format) -> str:
    """``verdict`` in one of the formats."""
    return "\n".join(_FORMATS[form](verdict))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _text(verdict: Verdict) -> Iterator[str]:
    for problem in verdict.problems:
        code = "" if problem.code == "read" else f" [{problem.code}]"
        yield f"{problem.severity}: {problem}{code}"
    yield verdict.summary


def _json(verdict: Verdict) -> Iterator[str]:
    found = {
        "schema": SCHEMA,
        "project": os.fspath(verdict.folder),
        **{f"{severity}s": verdict.count(severity) for severity in get_args(Severity)},
        "problems": verdict.problems,
    }
    yield msgspec.json.format(msgspec.json.encode(found), indent=2).decode()


def _github(verdict: Verdict) -> Iterator[str]:
    """Workflow commands; GitHub looks for files from the repository's root, where a job runs."""
    folder = os.path.relpath(verdict.folder)
    for problem in verdict.problems:
        file = Path(os.path.normpath(os.path.join(folder, problem.file))).as_posix()  # noqa: PTH118
        facts = {"file": file, "line": problem.line, "col": problem.column, "title": problem.code}
        given = ",".join(f"{k}={_property(str(v))}" for k, v in facts.items() if v is not None)
        said = f"{problem.message} {problem.suggestion}".strip()
        yield f"::{COMMANDS[problem.severity]} {given}::{_data(said)}"
    yield verdict.summary


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


_FORMATS: dict[Format, Callable[[Verdict], Iterator[str]]] = {
    "text": _text,
    "json": _json,
    "github": _github,
}
