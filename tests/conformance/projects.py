"""Projects that others wrote for Rasa 3, made ready to train and serve in a folder of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random

from bot.dialogue.stories import UserStep
from bot.model.nlu import wants_model
from bot.model.policy import wants_policy
from bot.project.load import load_project
from bot.project.project import Project
from tests.command import PARLEY, environment
from tests.servers import die_with_parent

SHARED = Path(__file__).parents[2] / ".." / "shared"
OTHERS = SHARED / "datasets" / "rasa_projects" / "permissive"
# Of these, the rest is of Rasa 1 and 2, or is refused by Rasa 3 for its slots without mappings.
OF_RASA_3 = ("helpdesk-assistant",)
ACTIONS = Path(__file__).parent / "actions"  # written from what the projects' READMEs say
EPOCHS = 2  # that it trains is the point, and these take a second or two for each hundred examples
TRAINED_WITHIN_S = 540


def real_projects() -> list[Path]:
    """The folders of the projects of Rasa 3 beside this repository."""
    parent = SHARED / "rasa-projects"
    found = sorted(parent.glob("*/config.yml")) + [
        OTHERS / each / "config.yml" for each in OF_RASA_3
    ]
    return [path.parent for path in found if path.is_file()]


def title(path: Path) -> str:
    """The name of a project, told apart from its namesake."""
    return path.name if path.parent.name == "rasa-projects" else f"{path.name}-elsewhere"


@dataclass(frozen=True)
class Trained:
    """A copy of a project, with its models below ``home``."""

    source: Path
    folder: Path
    home: Path
    seconds: float
    said: str

    @cached_property
    def project(self) -> Project:
        """What the copy holds."""
        return load_project(self.folder)

    @cached_property
    def models(self) -> Path:
        """The registry."""
        return self.home / "models"

    def row(self) -> str:
        """What was learnt from how much, and how well, as a row of a table."""
        examples, stories = len(self.project.nlu.examples), len(self.project.stories)
        scores = re.findall(r"model \S+: (.+?)\.?$", self.said, re.MULTILINE)
        kept = "; ".join(scores) or "nothing to train"
        return f"| {title(self.source)} | {examples} | {stories} | {self.seconds:.0f} s | {kept} |"


def train(source: Path, folder: Path, *, epochs: int = EPOCHS) -> Trained:
    """Copy the project ``source`` into ``folder`` and train what it wants."""
    copy, home = copied(source, folder), folder / "home"
    begun = time.monotonic()
    done = subprocess.run(
        [PARLEY, "train", "--project", copy, "--quiet", "--epochs", str(epochs)],
        env=environment(home, OMP_NUM_THREADS=os.environ.get("OMP_NUM_THREADS", "2")),
        capture_output=True,
        text=True,
        timeout=TRAINED_WITHIN_S,
        check=False,
        preexec_fn=die_with_parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Trained(source, copy, home, time.monotonic() - begun, done.stdout)


def copied(source: Path, folder: Path) -> Path:
    """A copy of the project ``source``, with actions to be started beside it if there are any."""
    actions, project = ACTIONS / source.name, folder / source.name
    shutil.copytree(source, project)
    if actions.is_dir():
        shutil.copytree(actions, project / "actions")
        (project / "endpoints.yml").write_text("{}\n")  # said that actions are elsewhere
    return project


def parts_to_train(project: Project) -> list[str]:
    """The registries that training it fills, below the folder of models."""
    return [*([""] if wants_model(project) else []), *(["policy"] if wants_policy(project) else [])]


def words_of(project: Project) -> str:
    """An example sentence of one of its intents."""
    known = project.domain.intents
    texts = [each.text for each in project.nlu.examples if each.intent.split("/")[0] in known]
    return Random(0).choice(texts)


def payload_of(project: Project) -> str:
    """What one of its rules or stories begins with."""
    steps = [step for story in project.stories for step in story.steps]
    intents = [step.intent for step in steps if isinstance(step, UserStep) and step.intent]
    return f"/{intents[0]}"
