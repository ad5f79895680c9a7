"""The project's own action server, run on loopback for as long as we run."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from bot.actions.place import actions_module
from bot.children.child import Child
from bot.errors import SettingsError
from bot.project.project import Project
from bot.settings import Settings

_SERVER = Path(__file__).with_name("action_server.py")
READY_WITHIN_S = 60.0


def wanted(settings: Settings, project: Project) -> bool:
    """Whether the project brings an ``actions`` package or module that nobody else runs."""
    if settings.actions_url or project.endpoints.action_endpoint:
        return False
    if actions_module(settings, project):
        return False
    folder = settings.project
    return (folder / "actions" / "__init__.py").exists() or (folder / "actions.py").exists()


def beside(settings: Settings, project: Project, stack: ExitStack) -> Settings:
    """``settings`` naming an action server: the one that ``stack`` stops, if one had to be started.

    For a command that ends; a server watches over its own.
    """
    if not wanted(settings, project):
        return settings
    child, url = start(settings.project, interpreter(settings.actions_python))
    stack.callback(child.stop)
    wait(child, url)
    return settings.model_copy(update={"actions_url": url})


def interpreter(chosen: Path | None) -> str:
    """The Python that has rasa-sdk: the chosen one, else this one. Raises SettingsError."""
    python = str(chosen or sys.executable)
    found = shutil.which(python)
    if found is None:
        raise SettingsError(f"PARLEY_ACTIONS_PYTHON: there is no program {python!r}")
    probe = "import importlib.util, sys; sys.exit(importlib.util.find_spec('rasa_sdk') is None)"
    if subprocess.run([found, "-c", probe], capture_output=True, check=False).returncode:
        raise SettingsError(
            f"the project has actions, but {python} has no rasa-sdk: install parley[actions], name"
            " another Python in PARLEY_ACTIONS_PYTHON, or set action_endpoint in endpoints.yml"
        )
    return str(Path(found).absolute())  # it is started in the project's folder


def start(project: Path, python: str) -> tuple[Child, str]:
    """Start the action server of ``project``; gives it and the URL of its webhook.

    The socket listens before the server is there and stays open here, so that calls made while
    it starts, or starts again, wait instead of being refused.
    """
    listening = socket.socket(socket.AF_INET)
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/webhook"
    child = Child(
        "the action server",
        [python, str(_SERVER), str(listening.fileno())],
        death_signal=signal.SIGKILL,
        sockets=[listening],
        cwd=project,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    return child, url


def wait(child: Child, webhook: str) -> None:
    """Return once the action server behind ``webhook`` answers. Raises ChildFailed."""
    child.wait_until(lambda: is_ready(webhook), within_s=READY_WITHIN_S)


def is_ready(webhook: str) -> bool:
    """Whether the action server behind ``webhook`` answers; waits a moment for it."""
    try:
        health = webhook.removesuffix("webhook") + "health"
        with urllib.request.urlopen(health, timeout=0.5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
