"""Whether a project's actions run in this process."""

from __future__ import annotations

from bot.project.project import Project
from bot.settings import Settings


def actions_module(settings: Settings, project: Project) -> str | None:
    """The package whose actions run in this process; None when a server runs them."""
    if settings.actions_url:
        return None
    return settings.actions_module or project.endpoints.actions_module or None
