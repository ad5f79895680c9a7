"""Small projects written for one test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from bot.project.load import load_project
from bot.project.project import Project

# A busy machine is no reason to fail: these tests bound their work by examples, not by time.
settings.register_profile("any machine", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("any machine")

PROJECTS = Path(__file__).parents[2] / "data" / "projects"

DOMAIN = """\
version: "3.1"
intents: [greet]
responses:
  utter_greet:
    - text: Hello
"""

ENVIRON = {"ACTION_HOST": "actions", "ACTION_PASSWORD": "pä$$", "SLACK_TOKEN": "123"}
"""What the files of the good project ask for."""

Write = Callable[..., Path]


@pytest.fixture
def good() -> Project:
    """The project with something of everything."""
    return load_project(PROJECTS / "good", environ=ENVIRON)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files given as ``domain="…"`` or ``**{"data/nlu.yml": "…"}`` into a project."""

    def write_files(domain: str | bytes | None = DOMAIN, **files: str | bytes) -> Path:
        given = {} if domain is None else {"domain.yml": domain}
        for name, content in {**given, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return write_files
