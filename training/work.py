"""What there is to train in a project, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from bot.project.project import Project
    from nlu.registry import Published, Registry
    from training.policy_recipe import PolicyRecipe
    from training.recipe import Recipe
    from training.step import Step

EVERY_S = 60.0  # between two writings of how far it is
UNFINISHED = ".unfinished.safetensors"  # of a registry: how far a training is

Watch = Callable[["Step"], None]
Report = Callable[[str], None]
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Work:
    """A model of a project.

    ``why`` says why it has to be trained, and is empty when the current ``version`` will do;
    ``run`` trains and publishes it and gives a line about it.
    """

    name: str
    version: str
    why: str
    run: Callable[[Watch, Report], str]


def told_scores(scores: Mapping[str, float]) -> str:
    """What a bundle's manifest says of one of its graphs, in words."""
    if not scores.get("sentences"):
        return "too few examples to keep any back and judge by"
    intents = f"intents {scores['intent_accuracy']:.1%}"
    # An F1 says nothing where there is nothing to find. Older manifests do not say how many.
    entities = f", entities F1 {scores['entity_f1']:.1%}" if scores.get("entities", 1) else ""
    return f"{intents}{entities} on {scores['sentences']} sentences"


def nlu_work(project: Project, recipe: Recipe, registry: Registry, *, force: bool) -> Work | None:
    """The NLU model; None where nothing in the pipeline is trained, or on nothing."""
    from bot.model.nlu import wants_model
    from bot.project.hashes import read_hash

    if not wants_model(project) or not project.nlu.examples:
        return None
    made_of = read_hash(project, context=recipe.context_tokens > 0)

    def run(watch: Watch, report: Report) -> str:
        from training.checkpoint import Checkpoint
        from training.examples import read_tests
        from training.publish import build, help_build
        from training.teachers import mark_of
        from training.team import team

        tests = read_tests(Path(project.path))
        # Examples that tests repeat are left out, so another test is another run.
        repeated = sha256(msgspec.json.encode(tests)).hexdigest()
        key = f"{made_of} {recipe.hash} {repeated} {mark_of(recipe.teacher)}"
        path = registry.root / UNFINISHED
        with team() as member:
            if not member.leads:
                checkpoint = Checkpoint(path, key, every_s=EVERY_S)
                help_build(project, recipe, tests=tests, checkpoint=checkpoint)
                raise SystemExit(0)
            manifest = build(
                project,
                recipe,
                registry,
                tests=tests,
                watch=watch,
                report=report,
                checkpoint=Checkpoint(path, key, every_s=EVERY_S, report=report),
            )
        scores = manifest.scores["int8"]
        return f"model {manifest.version}: {told_scores(scores)}."

    found = current_of(registry, registry.manifest)
    version, why = judged(found, made_of, recipe.hash, "the NLU data or pipeline")
    return Work("model", version, "--force" if force else why, run)


def core_work(
    project: Project,
    recipe: PolicyRecipe,
    registry: Registry,
    *,
    bundles: Registry,
    nlu_waits: bool = False,
    force: bool,
) -> Work | None:
    """The policy model; None where no policy is trained, or on nothing.

    Args:
        bundles: Where the NLU model is that reads what users say in stories word by word.
        nlu_waits: That model will be trained before.
    """
    from bot.model.policy import told_texts, wants_policy
    from bot.project.hashes import core_hash
    from nlu.policy import read_policy_manifest
    from training.policy_recipe import adjusted

    if not wants_policy(project):
        return None
    recipe = adjusted(recipe, project)

    def run(watch: Watch, report: Report) -> str:
        from training.policy_publish import build_policy

        manifest = build_policy(
            project, recipe, registry, bundles=bundles, watch=watch, report=report
        )
        scores = manifest.scores
        told = f"policy model {manifest.version}: "
        if "action_accuracy" not in scores:
            return f"{told}too few stories to keep any back and judge by."
        return (
            f"{told}{scores['action_accuracy']:.1%} of {scores['actions']} next actions right in "
            f"{scores['stories']} stories that were kept back."
        )

    found = current_of(registry, lambda version: read_policy_manifest(registry.folder(version)))
    changed = "stories, domain or policies"
    version, why = judged(found, core_hash(project), recipe.hash, changed)
    if found and not why and told_texts(project.stories):
        reads_now = found.nlu_version == (bundles.current() or "") and not nlu_waits
        why = "" if reads_now else "the NLU model, which reads words for it, changed"
    return Work("policy model", version, "--force" if force else why, run)


def current_of(registry: Registry, manifest: Callable[[str], M]) -> M | None:
    """What ``manifest`` reads of the current version; None where there is none that can be read."""
    from nlu.errors import BundleError

    try:
        version = registry.current()
        return manifest(version) if version else None
    except BundleError:
        return None  # damaged: train another


def judged(found: Published | None, data: str, recipe: str, what: str) -> tuple[str, str]:
    """The current version, and why it will not do."""
    if found is None:
        return "", "there is none yet"
    if found.data_hash != data:
        return found.version, f"{what} changed"
    return found.version, "" if found.recipe_hash == recipe else "the recipe changed"
