"""A policy model: a folder of a registry, checked and opened.

manifest.json     `PolicyManifest`
model.onnx        float32. Input ``states``, float32, shape (1, states, columns), the oldest
                  first. Outputs, float32: ``action_logits`` (1, actions), what comes next;
                  ``intent_logits`` (1, intents), what a user may say after these states
recipe.toml       every number of the training run
scores.json       what evaluation gave
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nlu.errors import BundleError
from nlu.folder import MANIFEST, check_files, read_described
from nlu.session import PolicySession

FORMAT = 2
KIND = "policy"
GRAPH = "model.onnx"
FOLDER = "policy"  # in the folder of a project's models: the registry of its policy models

Row = Sequence[tuple[int, float]]  # the columns of one state that are not 0, and their values


class PolicyManifest(msgspec.Struct, frozen=True):
    """The facts of a policy model.

    ``columns`` name what a state is made of, ``actions`` and ``intents`` the outputs.
    ``floors`` are, for each intent, the logit below which it is not to be expected.
    ``temperature`` divides the logits of the actions before they are shares; ``answers`` are, for
    each intent that stories tell, the actions they answer it with.
    ``nlu_version`` is the bundle whose vectors of users' words it has learned; empty where it
    reads none, as no story tells a user's words or there was no bundle.
    ``data_hash`` and ``recipe_hash`` tell whether training again is needed.
    """

    version: str
    created: str  # ISO 8601, UTC
    columns: tuple[str, ...]
    actions: tuple[str, ...]
    intents: tuple[str, ...]
    floors: tuple[float, ...]
    max_history: int
    data_hash: str
    recipe_hash: str
    seed: int
    files: dict[str, str]
    parley: str  # version that wrote the model
    kind: str
    temperature: float
    answers: dict[str, tuple[str, ...]]
    format: int = FORMAT
    scores: dict[str, Any] = {}
    nlu_version: str = ""


class PolicyModel:
    """Says what may come after the states of a conversation. Not for two threads at once."""

    def __init__(self, manifest: PolicyManifest, session: PolicySession) -> None:
        self.manifest = manifest
        self._session = session

    def actions(self, rows: Sequence[Row]) -> list[float]:
        """A logit for each action."""
        return self._session.actions(self._dense(rows))

    def intents(self, rows: Sequence[Row]) -> list[float]:
        """A logit for each intent."""
        return self._session.intents(self._dense(rows))

    def _dense(self, rows: Sequence[Row]) -> np.ndarray[Any, np.dtype[np.float32]]:
        states = np.zeros((1, len(rows), len(self.manifest.columns)), dtype=np.float32)
        for number, row in enumerate(rows):
            for column, value in row:
                states[0, number, column] = value
        return states


def open_policy(folder: Path) -> PolicyModel:
    """The policy model in ``folder``; BundleError names the file that is missing, damaged or not
    as the manifest says. Reads and runs a model, so not on the event loop."""
    manifest = read_policy_manifest(folder)
    check_files(folder, manifest.files)
    session = PolicySession(folder / GRAPH)
    model = PolicyModel(manifest, session)
    for length in (1, manifest.max_history):
        found = len(model.actions([[]] * length)), len(model.intents([[]] * length))
        wanted = len(manifest.actions), len(manifest.intents)
        if found != wanted:
            raise BundleError(
                f"{folder}: the graph scores {found} actions and intents; the manifest has "
                f"{wanted}."
            )
    return model


def read_policy_manifest(folder: Path) -> PolicyManifest:
    """The manifest of the policy model in ``folder``, alone; its files are not looked at."""
    manifest = read_described(folder, PolicyManifest, kind=KIND, version=FORMAT, needed=(GRAPH,))
    for problem in _problems(manifest):
        raise BundleError(f"{folder / MANIFEST}: {problem}")
    return manifest


def _problems(manifest: PolicyManifest) -> list[str]:
    """What the types cannot say about a manifest."""
    found = []
    if not manifest.actions:
        found.append("there are no actions.")
    if manifest.max_history < 1:
        found.append(f"max_history is {manifest.max_history}; it must be at least 1.")
    if not manifest.temperature > 0:
        found.append(f"temperature is {manifest.temperature}; it must be above 0.")
    if len(manifest.floors) != len(manifest.intents):
        found.append("floors and intents are not of one length.")
    return found
