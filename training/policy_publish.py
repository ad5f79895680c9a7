"""From a project's stories to a policy model in its registry: split, judge, train, publish."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import torch

from bot.dialogue.stories import Story
from bot.errors import ParleyError
from bot.model.policy import told_texts
from bot.project.hashes import core_hash
from bot.project.project import Project
from bot.version import VERSION
from nlu.folder import MANIFEST, file_hashes
from nlu.policy import GRAPH, KIND, PolicyManifest
from nlu.registry import Registry, new_version
from nlu.session import PolicySession
from training.policy import TrainedPolicy, train_policy
from training.policy_data import conversations, windows
from training.policy_graph import policy_graph
from training.policy_recipe import PolicyRecipe, settings
from training.policy_texts import Texts, read_texts
from training.policy_vary import table
from training.step import Step, half

Report = Callable[[str], None]
Watch = Callable[[Step], None]

FEWEST_TO_SPLIT = 5  # with fewer stories none is kept back
SAME = 1e-4  # the graph against torch
COMPARED = 50  # windows that both must agree on


def build_policy(
    project: Project,
    recipe: PolicyRecipe,
    registry: Registry,
    *,
    bundles: Registry | None = None,
    watch: Watch = lambda step: None,
    report: Report = lambda line: None,
) -> PolicyManifest:
    """Train on the stories of ``project`` and publish the model as the current one.

    Args:
        recipe: As `adjusted` to the project.
        bundles: Where the bundle is that reads what users say in the stories word by word.
        report: Told what is going on, a line at a time.
    """
    started = time.monotonic()
    stories = [story for story in project.stories if not story.is_rule]
    learnt, kept_back = hold_out(stories, recipe)
    tolerance = float(settings(project).get("tolerance") or 0)
    texts = read_texts(project, bundles, seed=recipe.seed) if bundles else None
    if texts is None and (unread := told_texts(stories)):
        report(f"no NLU model is there to read {unread[0]!r} and what else stories tell in words")
    scores: dict[str, Any] = {}
    if kept_back:
        report(f"{len(stories)} stories; judging by {len(kept_back)} of them, kept back")
        judged = train_policy(learnt, project.domain, recipe, texts=texts, watch=half(watch, 0))
        scores = {"stories": len(kept_back), **accuracy(judged, kept_back, project, recipe, texts)}
    trained = train_policy(
        stories,
        project.domain,
        recipe,
        texts=texts,
        tolerance=tolerance,
        watch=half(watch, 1) if kept_back else watch,
    )
    scores["windows"] = trained.windows
    scores["seconds"] = round(time.monotonic() - started, 1)
    with registry.draft() as draft:
        onnx.save(policy_graph(trained.net), draft / GRAPH)
        check(trained, recipe, draft / GRAPH)
        (draft / "recipe.toml").write_text(recipe.toml(), "utf-8")
        _write_json(draft / "scores.json", scores)
        manifest = _manifest(draft, project, recipe, trained, scores, texts)
        _write_json(draft / MANIFEST, manifest)
        registry.publish(draft, manifest.version)
    return manifest


def hold_out(stories: Sequence[Story], recipe: PolicyRecipe) -> tuple[list[Story], list[Story]]:
    """What to learn from, and what to judge by: nothing where there are few."""
    count = int(len(stories) * recipe.holdout) if len(stories) >= FEWEST_TO_SPLIT else 0
    back = set(random.Random(recipe.seed).sample(range(len(stories)), count))
    return (
        [story for number, story in enumerate(stories) if number not in back],
        [story for number, story in enumerate(stories) if number in back],
    )


@torch.no_grad()
def accuracy(
    trained: TrainedPolicy,
    stories: Sequence[Story],
    project: Project,
    recipe: PolicyRecipe,
    texts: Texts | None = None,
) -> dict[str, Any]:
    """How often the likeliest action is the one that ``stories`` tell."""
    told = conversations(stories, project.domain, augmentation=0, seed=recipe.seed)
    found = windows(told, project.domain, recipe.max_history)
    asked = table(found, trained.names, recipe.max_history, texts)
    logits, _ = trained.net(asked.states, asked.mask)
    best = [trained.names.actions[number] for number in logits.argmax(1).tolist()]
    right = sum(window.action == action for window, action in zip(found, best, strict=True))
    return {"actions": len(found), "action_accuracy": round(right / max(len(found), 1), 4)}


@torch.no_grad()
def check(trained: TrainedPolicy, recipe: PolicyRecipe, path: Path) -> None:
    """Compare the graph in ``path`` with the net, on states of every length."""
    session = PolicySession(path)
    generator = torch.Generator().manual_seed(recipe.seed)
    for number in range(COMPARED):
        length = 1 + number % recipe.max_history
        states = torch.rand((1, length, len(trained.names.columns)), generator=generator)
        states = (states > 0.7).float()
        actions, intents = trained.net(states, torch.ones(1, length, dtype=torch.bool))
        answered = session.actions(states.numpy()), session.intents(states.numpy())
        for ours, theirs in zip((actions, intents), answered, strict=True):
            apart = float(np.abs(ours[0].numpy() - np.array(theirs)).max())
            if not apart <= SAME:
                raise ParleyError(
                    f"the policy's graph differs from torch by {apart:.2g}; at most {SAME:.0e} "
                    "is right."
                )


def _manifest(
    draft: Path,
    project: Project,
    recipe: PolicyRecipe,
    trained: TrainedPolicy,
    scores: dict[str, Any],
    texts: Texts | None,
) -> PolicyManifest:
    now = datetime.now(UTC)
    data_hash = core_hash(project)
    return PolicyManifest(
        version=new_version(now, recipe.hash, data_hash),
        created=now.isoformat(timespec="seconds"),
        columns=trained.names.columns,
        actions=trained.names.actions,
        intents=trained.names.intents,
        floors=trained.floors,
        max_history=recipe.max_history,
        data_hash=data_hash,
        recipe_hash=recipe.hash,
        seed=recipe.seed,
        files=file_hashes(draft),
        parley=VERSION,
        kind=KIND,
        temperature=recipe.temperature,
        answers=trained.answers,
        scores=scores,
        nlu_version=texts.version if texts else "",
    )


def _write_json(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1))
