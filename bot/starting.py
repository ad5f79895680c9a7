"""The project that a server is started with."""

from __future__ import annotations

import os

from bot.dialogue.domain import Domain
from bot.project.cache import cache_folder
from bot.project.content import Content
from bot.project.files import ProjectFiles
from bot.project.load import assemble, load_project
from bot.project.project import NluData, Project
from bot.project.report import Report
from bot.settings import Settings


def own_project(settings: Settings) -> Project:
    """The project in the folder of ``settings``.

    Where a package is served, the folder need hold no more than endpoints and credentials.
    """
    if settings.model and not _has_domain(settings):
        report = Report()
        files = ProjectFiles(settings.project, settings.paths)
        project = assemble(files, Content(Domain(), NluData(), ()), os.environ, report)
        report.raise_first_error()
        return project
    return load_project(settings.project, paths=settings.paths, cache=cache_folder())


def _has_domain(settings: Settings) -> bool:
    named = ("domain.yml", "domain.yaml", "domain")
    return bool(settings.domain) or any((settings.project / name).exists() for name in named)
