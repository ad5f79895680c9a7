"""Cross-validation: every sentence is read by a model that was trained on the others."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bot.errors import ProjectError
from bot.model.nlu import open_understanding, wants_model
from bot.project.project import Endpoints, Example, Project
from bot.testing.heard import Heard, in_parts, listen
from nlu.registry import Registry
from training.publish import build
from training.recipe import Recipe
from training.teachers import refuse_bundle
from training.train import Step


def folds(examples: Sequence[Example], count: int, seed: int) -> list[list[Example]]:
    """``examples`` in ``count`` parts, each with its share of every intent."""
    rng = random.Random(seed)
    by_intent: dict[str, list[Example]] = {}
    for example in examples:
        by_intent.setdefault(example.intent, []).append(example)
    dealt: list[Example] = []
    for same in by_intent.values():
        dealt += rng.sample(same, len(same))
    return [dealt[at::count] for at in range(count)]


def cross_validate(
    project: Project,
    recipe: Recipe,
    count: int,
    *,
    watch: Callable[[Step], None] = lambda step: None,
    report: Callable[[str], None] = lambda line: None,
) -> list[list[Heard]]:
    """What each part's sentences were taken for. Raises ProjectError."""
    refuse_bundle(recipe.teacher, "cross-validation")
    examples = project.nlu.examples
    if not wants_model(project):
        raise ProjectError("nothing in the pipeline is trained.", file="config.yml")
    if len(examples) < 2 * count:
        raise ProjectError(
            f"nlu: {len(examples)} examples are too few for {count} folds.",
            suggestion="Write more, or ask for fewer with --folds.",
        )
    heard = []
    for number, part in enumerate(folds(examples, count, recipe.seed), 1):
        report(f"fold {number} of {count}: {len(part)} sentences to score")
        unseen = {id(example) for example in part}
        rest = tuple(example for example in examples if id(example) not in unseen)
        heard.append(_one(_without_stories(project, rest), part, recipe, watch, report))
    return heard


def _one(
    project: Project,
    part: Sequence[Example],
    recipe: Recipe,
    watch: Callable[[Step], None],
    report: Callable[[str], None],
) -> list[Heard]:
    """Train on ``project``, then read ``part`` with its whole pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder)
        build(project, recipe, Registry(models), watch=watch, report=report)
        return asyncio.run(_read(project, models, part))


async def _read(project: Project, models: Path, part: Sequence[Example]) -> list[Heard]:
    async with open_understanding(project, models) as nlu:
        return await listen(nlu, in_parts(part))


def _without_stories(project: Project, examples: tuple[Example, ...]) -> Project:
    """``project`` with other examples, and nothing to learn or to call beside them."""
    nlu = msgspec.structs.replace(project.nlu, examples=examples)
    return msgspec.structs.replace(project, nlu=nlu, stories=(), endpoints=Endpoints())
