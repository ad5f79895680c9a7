"""Problems found while reading a project."""

from __future__ import annotations

from types import TracebackType
from typing import Literal

import msgspec

from bot.errors import ProjectError

MOST_CHARACTERS = 600  # of a message, which may quote a file
Severity = Literal["error", "warning", "note"]


class Problem(msgspec.Struct, frozen=True):
    """Something wrong in a project, and where. An error makes running impossible.

    A note is worth knowing and nothing to mend: it fails no check, ``--strict`` included.
    ``file`` is relative to the project's folder; ``line`` and ``column`` count from 1.
    ``suggestion`` says what would be right, and may be empty. ``code`` is the kind of problem, for
    programs; it is "read" for what keeps a file from being read as it was meant.
    """

    severity: Severity
    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    suggestion: str = ""
    code: str = "read"

    def __str__(self) -> str:
        return str(self.as_error())

    def as_error(self) -> ProjectError:
        """The same as an exception."""
        return ProjectError(
            self.message,
            file=self.file,
            line=self.line,
            column=self.column,
            suggestion=self.suggestion,
        )


def shortened(text: str, most: int = 40) -> str:
    """``text`` on one line, without control characters, not longer than ``most``."""
    text = " ".join(text[: 10 * most].split())
    text = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return text if len(text) <= most else text[: most - 1] + "…"


class Report:
    """Collects problems, so that one wrong item does not hide the next."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def going_on(self) -> _GoingOn:
        """A context that writes down a ProjectError of its block and goes on after it."""
        return _GoingOn(self)

    def add(self, severity: Severity, error: ProjectError, code: str = "read") -> None:
        """Write down ``error``, once."""
        problem = Problem(
            severity,
            shortened(error.message, MOST_CHARACTERS),
            error.file,
            error.line,
            error.column,
            shortened(error.suggestion, MOST_CHARACTERS),
            code,
        )
        if problem not in self.problems[-50:]:
            self.problems.append(problem)

    def warn(self, error: ProjectError) -> None:
        """Write down what is worth saying but does not stop a start."""
        self.add("warning", error)

    def note(self, error: ProjectError) -> None:
        """Write down what is worth knowing and needs no change."""
        self.add("note", error)

    @property
    def first_error(self) -> Problem | None:
        """The error a start fails with."""
        return next((p for p in self.problems if p.severity == "error"), None)

    def raise_first_error(self) -> None:
        """Raise the error a start fails with, if there is one, and say how many more there are."""
        errors = [problem.as_error() for problem in self.problems if problem.severity == "error"]
        if not errors:
            return
        first = errors[0]
        more = f"(parley check shows {len(errors) - 1} more.)" if len(errors) > 1 else ""
        raise ProjectError(
            first.message,
            file=first.file,
            line=first.line,
            column=first.column,
            suggestion=f"{first.suggestion} {more}".strip(),
        )


class _GoingOn:
    def __init__(self, report: Report) -> None:
        self._report = report

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if isinstance(error, ProjectError):
            self._report.add("error", error)
            return True
        return False
