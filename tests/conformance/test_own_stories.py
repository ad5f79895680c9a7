"""Projects pass the conversations they brought along to test themselves, as they do in Rasa."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.children import actions as action_server
from tests.command import ACTIONS_PYTHON, parley
from tests.servers import wait_until
from tests.transcripts.serving import OWN_ACTIONS, PROJECTS
from tests.transcripts.stand_ins import answering, obliging

# How many of its conversations go as told. Some projects carry the template of `rasa init`
# untouched: it greets as another bot does, so most of it fails in Rasa too.
TOLD = {
    "formbot": (3, 3),
    "helpdesk-assistant": (12, 12),
    "rasa-init": (7, 7),
    "robocorp-example": (7, 7),
    "ecommerce-shreyas": (7, 7),
    "nummenu-bot": (2, 7),
    "test-extract-slots-11333": (4, 7),
}

pytestmark = [
    pytest.mark.skipif(not PROJECTS.is_dir(), reason="shared/rasa-projects is absent"),
    pytest.mark.services,
]


@pytest.mark.parametrize("name", TOLD)
def test_a_projects_own_conversations_go_as_told(name: str, tmp_path: Path):
    project = tmp_path / "project"
    shutil.copytree(PROJECTS / name, project)
    with _actions(name, project) as url:
        (project / "endpoints.yml").write_text(f'action_endpoint: {{url: "{url}"}}\n')
        done = parley(
            *("test", "core", "--project", project, "--nlu", "none"),
            *("--out", tmp_path / "results"),
            home=tmp_path / "home",
        )
    line = next(line for line in done.stdout.splitlines() if line.startswith("conversations"))
    right, of = map(int, line.split()[1:3])
    assert (right, of) == TOLD[name], done.stdout
    assert (done.returncode == 0) is (right == of)


@contextmanager
def _actions(name: str, project: Path) -> Iterator[str]:
    """Where the project's actions run: its own, or such as only succeed."""
    if not (OWN_ACTIONS / name).is_dir():
        with answering(obliging) as url:
            yield f"{url}/webhook"
        return
    shutil.copytree(OWN_ACTIONS / name, project / "actions")
    child, url = action_server.start(project, ACTIONS_PYTHON)
    try:
        wait_until(lambda: action_server.is_ready(url), "the action server")
        yield url
    finally:
        child.stop()
