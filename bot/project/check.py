"""Every problem of a project at once, for a person who is writing one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from bot.errors import ProjectError
from bot.project.content import read_content
from bot.project.files import find_files
from bot.project.lint import lint
from bot.project.load import assemble, read_texts
from bot.project.paths import ProjectPaths
from bot.project.report import Problem, Report
from bot.project.verdict import Verdict


def check_project(
    path: Path | str,
    *,
    paths: ProjectPaths | None = None,
    environ: Mapping[str, str] = os.environ,
    max_history: int | None = None,
) -> list[Problem]:
    """What is wrong with the project in ``path``, by file and line; empty when all is well.

    It never raises ProjectError: a folder that is not there is a problem like any other.
    """
    return list(judge(path, paths=paths, environ=environ, max_history=max_history).problems)


def judge(
    path: Path | str,
    *,
    paths: ProjectPaths | None = None,
    environ: Mapping[str, str] = os.environ,
    max_history: int | None = None,
) -> Verdict:
    """As ``check_project``, with whether there was a project at all.

    Args:
        max_history: How many states back stories are compared; None for what policies see.
    """
    report = Report()
    is_read = False
    try:
        files = find_files(Path(path), report, paths)
        is_read = True
        reading = read_content(files, read_texts(files, report), report)
        project = assemble(files, reading.content, environ, report)
        if reading.domain.raw:
            for found in lint(project, reading, max_history=max_history):
                report.add(found.severity, found.error, found.code)
    except ProjectError as error:
        report.add("error", error)
    problems = sorted(report.problems, key=lambda p: (p.file, p.line or 0, p.column or 0))
    return Verdict(Path(path), tuple(problems), is_read)
