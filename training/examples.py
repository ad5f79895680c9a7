"""Labelled sentences from a file of Rasa NLU data, such as a project's tests/nlu.yml."""

from __future__ import annotations

from pathlib import Path

from bot.errors import ProjectError
from bot.project.mentions import Mentions
from bot.project.nlu import NluReader
from bot.project.project import Example
from bot.project.report import Report
from bot.project.yaml import read_text, read_yaml

TESTS = Path("tests") / "nlu.yml"  # in a project; never trained on


def read_examples(path: Path) -> tuple[Example, ...]:
    """The examples in ``path``; raises ProjectError for the first thing wrong with it."""
    report = Report()
    reader = NluReader(root=path.parent, report=report, mentions=Mentions())
    root = read_yaml(read_text(path, str(path)), str(path), report)
    if root is not None:
        with report.going_on():
            if section := root.mapping("an NLU file").get("nlu"):
                reader.read(section)
    if report.first_error:
        raise report.first_error.as_error()
    if not reader.examples:
        raise ProjectError("there are no examples under 'nlu'.", file=str(path))
    return tuple(reader.examples)


def read_tests(project: Path) -> tuple[Example, ...]:
    """The project's test sentences; none where it has no tests/nlu.yml."""
    path = project / TESTS
    return read_examples(path) if path.is_file() else ()
