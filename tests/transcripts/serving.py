"""A recorded project, served by `parley run` with what the recording says it talked to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML

from bot.children import actions as action_server
from bot.model.nlu import wants_model
from bot.project.load import load_project
from tests.command import ACTIONS_PYTHON, Run, running
from tests.servers import wait_until
from tests.transcripts.golden import GOLDEN, Recording
from tests.transcripts.stand_ins import answering, obliging, understanding

PROJECTS = GOLDEN.parent / "rasa-projects"
OWN_ACTIONS = Path(__file__).parents[1] / "conformance" / "actions"
NOBODY_LISTENS = "http://127.0.0.1:9/webhook"

_yaml = YAML()


@contextmanager
def serving(recording: Recording, folder: Path, *, shared_actions: bool = False) -> Iterator[Run]:
    """A server of the recorded project, its files and its home under ``folder``.

    ``shared_actions`` starts the project's actions apart from it, named in endpoints.yml, so that
    another server can use them too.
    """
    project = folder / "project"
    shutil.copytree(source_of(recording), project)
    with ExitStack() as stack:
        _set_policies(project, recording.content.get("policies"))
        endpoints = {}
        url = _action_endpoint(recording, project, stack)
        if url is None and shared_actions and (project / "actions").is_dir():
            url = _started(project, stack)
        if url:
            endpoints["action_endpoint"] = {"url": url}
        if url := _nlu(recording, project, stack):
            endpoints["nlu"] = {"url": url}
        _yaml.dump(endpoints, project / "endpoints.yml")
        arguments = _script(project).get("run_args") or []
        home = folder / "home"
        yield stack.enter_context(running(project, home, {}, *map(str, arguments)))


def source_of(recording: Recording) -> Path:
    """The folder of the recorded project."""
    own = recording.project
    if own.is_dir() and recording.kind == "own":
        return own
    return PROJECTS / str(recording.content["source"]).partition(",")[0].rsplit("/", 1)[-1]


def _set_policies(project: Path, policies: Any) -> None:
    if policies:
        config = _yaml.load(project / "config.yml")
        config["policies"] = policies
        _yaml.dump(config, project / "config.yml")


def _action_endpoint(recording: Recording, project: Path, stack: ExitStack) -> str | None:
    """Where actions run; None when the project brings its own for `parley run` to start."""
    if recording.kind == "auto":
        return stack.enter_context(answering(obliging)) + "/webhook"
    if recording.kind == "real":
        shutil.copytree(OWN_ACTIONS / project_name(recording), project / "actions")
        return None
    if _script(project).get("dead_action_server"):
        return NOBODY_LISTENS
    return None


def _started(project: Path, stack: ExitStack) -> str:
    child, url = action_server.start(project, ACTIONS_PYTHON)
    stack.callback(child.stop)
    wait_until(lambda: action_server.is_ready(url), "the action server")
    return url


def project_name(recording: Recording) -> str:
    """The name of somebody else's project."""
    return source_of(recording).name


def _nlu(recording: Recording, project: Path, stack: ExitStack) -> str | None:
    """A stand-in that parses as recorded, where the pipeline would need training."""
    loaded, table = load_project(project), project / "nlu_table.json"
    if table.exists():
        parses = json.loads(table.read_text())
    elif wants_model(loaded):
        parses = msgspec.to_builtins(recording.parses())
    else:
        return None
    return stack.enter_context(answering(understanding(parses, loaded.domain)))


def _script(project: Path) -> dict[str, Any]:
    path = project / "script.yml"
    return _yaml.load(path) if path.exists() else {}
