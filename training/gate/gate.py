"""The gate on two models of a registry: what is asked of them, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bot.errors import NotFound
from bot.project.project import Project
from nlu.manifest import Manifest
from nlu.registry import Registry
from training.gate import stories
from training.gate.asking import ask, check_of_project, known_to_both
from training.gate.decide import Trial, decide
from training.gate.evidence import Asked, Evidence
from training.gate.pool import sorted_out
from training.gate.recipe import GateRecipe
from training.gate.reports import keep
from training.gate.verdict import GateReport


class Sentences(msgspec.Struct, frozen=True):
    """What the models are asked.

    ``tests`` have labels that the candidate was not trained on; ``learnt`` are corrections that
    it was, and the current model was not; ``pool`` are messages that nobody has labelled.
    """

    tests: tuple[Asked, ...] = ()
    learnt: tuple[Asked, ...] = ()
    pool: tuple[Asked, ...] = ()
    dataset: str = ""


def run_gate(
    project: Project,
    registry: Registry,
    candidate: str,
    current: str,
    sentences: Sentences,
    recipe: GateRecipe,
    *,
    seeds: Sequence[str] = (),
    arguments: Sequence[str] | None = (),
    report: Callable[[str], None] = lambda line: None,
) -> GateReport:
    """Compare ``candidate`` with ``current``, and keep the report in the registry.

    Args:
        seeds: Versions made like the candidate but for their seed.
        arguments: Of `parley test`, to hold the conversation tests; None holds none.

    Raises:
        SettingsError: A model is of another project.
        NotFound: There is no such version, or nothing to ask.
    """
    manifests = [manifest_of(registry, version) for version in (current, candidate)]
    for manifest in manifests:
        check_of_project(manifest, project)
    asked, labels = known_to_both(sentences.tests, *manifests)
    if not asked:
        raise NotFound(
            "there is no labelled sentence to compare the models on. Write tests/nlu.yml, or let "
            "people label what users wrote (`parley review`)."
        )
    report(f"asking {2 + len(seeds)} models {len(asked)} sentences")
    versions = (current, candidate, *seeds)
    answers = ask(project, registry.root, versions, asked)
    pool = ask(project, registry.root, versions[:2], sentences.pool)
    learnt = ask(project, registry.root, (candidate,), sentences.learnt)
    sorted_pool = sorted_out(sentences.pool, *pool)
    trial = Trial(
        current,
        candidate,
        Evidence(asked, answers[0], answers[1], sorted_pool.agreed),
        sorted_pool,
        dict(zip(seeds, answers[2:], strict=True)),
        (sentences.learnt, learnt[0]),
        labels,
        (_bytes(registry, current), _bytes(registry, candidate)),
        _stories(Path(project.path), registry, (current, candidate), arguments, report),
        sentences.dataset,
    )
    found = decide(trial, recipe)
    keep(registry, found)
    return found


def manifest_of(registry: Registry, version: str) -> Manifest:
    """Of a version that is there. Raises NotFound."""
    if version not in registry.versions():
        known = ", ".join(registry.versions()) or "none"
        raise NotFound(f"{registry.root} has no version {version!r}. Versions: {known}.")
    return registry.manifest(version)


def _bytes(registry: Registry, version: str) -> int:
    return (registry.folder(version) / "model.onnx").stat().st_size


def _stories(
    project: Path,
    registry: Registry,
    versions: Sequence[str],
    arguments: Sequence[str] | None,
    report: Callable[[str], None],
) -> tuple[dict[str, bool], dict[str, bool]] | None:
    if arguments is None:
        return None
    report("holding the conversation tests with both models")
    first, second = (
        dict(stories.passed(project, registry.root, version, arguments)) for version in versions
    )
    return (first, second) if second else None
