"""Reads a project: the door to this package."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bot.project import cache as kept
from bot.project.config import read_config
from bot.project.content import Content, Reading, read_content
from bot.project.endpoints import read_credentials, read_endpoints
from bot.project.environment import expand
from bot.project.files import ProjectFiles, find_files
from bot.project.hashes import nlu_hash, project_hash
from bot.project.node import Node
from bot.project.paths import ProjectPaths
from bot.project.project import Endpoints, Project
from bot.project.report import Report

_MARKS = ("endpoints.yml", "config.yml", "domain.yml", "domain")


def load_project(
    path: Path | str,
    *,
    paths: ProjectPaths | None = None,
    environ: Mapping[str, str] = os.environ,
    cache: Path | None = None,
) -> Project:
    """The project in the folder ``path``, parts of which may be elsewhere: ``paths``.

    With ``cache``, a folder, an unchanged project is not parsed again. Raises ProjectError
    for the first thing that makes running impossible.
    """
    report = Report()
    files = find_files(Path(path), report, paths)
    texts = read_texts(files, report)
    content = None if cache is None else _recall(cache, files, texts)
    if content is None:
        reading = read_content(files, texts, report)
        content = reading.content
        if cache is not None and report.first_error is None:
            _remember(cache, files, texts, reading)
    else:
        report.problems += content.warnings
    project = assemble(files, content, environ, report)
    report.raise_first_error()
    return project


def read_texts(files: ProjectFiles, report: Report) -> dict[str, str]:
    """The text of every domain, data and FAQ file that can be read."""
    texts = {}
    faqs = (file for folder in files.faqs for file in folder.files)
    for file in dict.fromkeys((*files.domain, *files.data, *faqs)):
        with report.going_on():
            texts[file] = files.text(file)
    return texts


def load_endpoints(
    folder: Path, *, paths: ProjectPaths | None = None, environ: Mapping[str, str] = os.environ
) -> Endpoints:
    """What the project in ``folder`` calls, be the rest of it right or wrong.

    Raises ProjectError, also where there is nothing of a project.
    """
    if not any((folder / name).exists() for name in _MARKS):
        return load_project(folder, paths=paths, environ=environ).endpoints
    report = Report()
    endpoints = read_endpoints(None, report)
    with report.going_on():
        node = ProjectFiles(folder, paths or ProjectPaths()).optional("endpoints", report)
        endpoints = read_endpoints(None if node is None else expand(node, environ, report), report)
    report.raise_first_error()
    return endpoints


def assemble(
    files: ProjectFiles, content: Content, environ: Mapping[str, str], report: Report
) -> Project:
    """The project of ``content`` and of the small files, which are read at every start."""

    def expanded(node: Node | None) -> Node | None:
        return None if node is None else expand(node, environ, report)

    config = read_config(None, report)
    with report.going_on():
        config = read_config(expanded(files.config), report)
    endpoints = read_endpoints(None, report)
    with report.going_on():
        endpoints = read_endpoints(expanded(files.optional("endpoints", report)), report)
    credentials = {}
    with report.going_on():
        credentials = read_credentials(expanded(files.optional("credentials", report)), report)
    project = Project(
        path=str(files.root),
        domain=content.domain,
        nlu=content.nlu,
        faq=content.faq,
        stories=content.stories,
        config=config,
        endpoints=endpoints,
        credentials=credentials,
        warnings=tuple(str(p) for p in report.problems if p.severity == "warning"),
    )
    return msgspec.structs.replace(project, hash=project_hash(project), nlu_hash=nlu_hash(project))


def _key(files: ProjectFiles, texts: Mapping[str, str]) -> str:
    return kept.key_of(
        {file: texts.get(file, "") for file in files.domain},
        {file: texts.get(file, "") for file in files.data},
        files.language,
        *filter(files.is_test, files.data),
        *(part for folder in files.faqs for part in folder.key(texts)),
    )


def _recall(cache: Path, files: ProjectFiles, texts: Mapping[str, str]) -> Content | None:
    return kept.recall(cache, _key(files, texts), files.root)


def _remember(cache: Path, files: ProjectFiles, texts: Mapping[str, str], reading: Reading) -> None:
    lookups = {file: kept.file_digest(files.root / file) for file in reading.lookup_files}
    kept.remember(cache, _key(files, texts), kept.Entry(reading.content, lookups))
