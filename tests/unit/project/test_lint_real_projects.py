"""Real projects, which Rasa trains and runs, have no errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.project.check import check_project

HERE = Path(__file__).parents[3]
SHARED = HERE / ".." / "shared"
PERMISSIVE = SHARED / "datasets" / "rasa_projects" / "permissive"


def projects() -> list[Path]:
    parents = (SHARED / "rasa-projects", SHARED / "rasa-golden" / "projects")
    found = [path for parent in parents if parent.is_dir() for path in sorted(parent.iterdir())]
    found += [PERMISSIVE / name for name in ("carbon-bot", "helpdesk-assistant")]
    return [p for p in found if p.is_dir() and not p.name.startswith("_")]


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared/ is absent")
@pytest.mark.parametrize("path", projects(), ids=lambda path: path.name)
def test_a_project_that_rasa_runs_has_no_errors(path: Path) -> None:
    found = [str(p) for p in check_project(path, environ={}) if p.severity == "error"]
    assert found == []


@pytest.mark.parametrize("folder", ["data/starter", "bot/template"])
def test_our_own_projects_are_without_a_warning(folder: str) -> None:
    found = [str(p) for p in check_project(HERE / folder, environ={}) if p.severity != "note"]
    assert found == []


MOODBOT = SHARED / "rasa-projects" / "moodbot"


@pytest.mark.skipif(not MOODBOT.is_dir(), reason="shared/ is absent")
def test_a_clean_project_of_rasas_is_clean() -> None:
    assert [str(p) for p in check_project(MOODBOT) if p.severity != "note"] == []
