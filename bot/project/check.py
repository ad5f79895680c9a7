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


def check_project(
    path: Path | str,
    *,
    paths: ProjectPaths | None = None,
    environ: Mapping[str, str] = os.environ,
) -> list[Problem]:
    """What is wrong with the project in ``path``, by file and line; empty when all is well.

    It never raises ProjectError: a folder that is not there is a problem like any other.
    """
    report = Report()
    try:
        files = find_files(Path(path), report, paths)
        reading = read_content(files, read_texts(files, report), report)
        project = assemble(files, reading.content, environ, report)
        for found in lint(project, reading) if reading.domain.raw else ():
            report.add(found.severity, found.error, found.code)
    except ProjectError as error:
        report.add("error", error)
    return sorted(report.problems, key=lambda p: (p.file, p.line or 0, p.column or 0))
