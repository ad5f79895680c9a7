"""The whole way from a version of the data to a candidate: train, export, gate, propose.

Killed anywhere it leaves a registry as it was, and what it had done is not done again: a training
goes on from its checkpoint, and models that are finished are named in a journal.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from bot.errors import Conflict
from bot.project.project import Example, Project
from nlu.errors import BundleError
from nlu.manifest import Lineage, Manifest
from nlu.registry import Registry
from training.checkpoint import Checkpoint
from training.gate.asking import from_tests
from training.gate.gate import run_gate
from training.gate.recipe import GateRecipe
from training.gate.sentences import dataset_of, of_dataset, waiting
from training.gate.verdict import GateReport
from training.publish import build, help_build
from training.recipe import Recipe
from training.teachers import mark_of
from training.team import current as current_team
from training.train import Step
from training.versions.dataset import Dataset
from training.versions.learning import learned_by
from training.versions.shelf import Shelf

JOURNAL = ".rebuild.json"  # of a registry: which models of an unfinished rebuild are there
CHECKPOINT = ".rebuild.safetensors"
TRAIN, FINISHED = "train", "finished"  # what the leader of a team says of a seed
EVERY_S = 60.0


class ErasedMeanwhile(Conflict):
    """A user was erased whose sentences were being learned."""

    reason = "ErasedMeanwhile"


@dataclass(frozen=True)
class Plan:
    """What is rebuilt, of what, and how it is judged.

    ``arguments`` are those of `parley test` for the conversation tests, None for none.
    """

    project: Project
    registry: Registry
    dataset: Dataset
    recipe: Recipe
    gate: GateRecipe
    tests: Sequence[Example] = ()
    arguments: Sequence[str] | None = ()
    every_s: float = EVERY_S

    @property
    def key(self) -> str:
        """The same for a run that makes the same models."""
        tests = msgspec.json.encode(tuple(self.tests))
        parts = (
            self.dataset.version,
            str(self.dataset.erased),
            self.recipe.hash,
            str(self.gate.seeds),
            self.project.hash or self.project.nlu_hash,
            hashlib.sha256(tests).hexdigest(),
            mark_of(self.recipe.teacher),
        )
        return " ".join(parts)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The candidate's, then its sisters'."""
        return tuple(range(self.recipe.seed, self.recipe.seed + self.gate.seeds))


class Journal(msgspec.Struct, frozen=True):
    """Versions that are finished, by their seed; ``begun`` is when the first run began."""

    key: str
    built: dict[str, str] = {}
    begun: str = ""


@dataclass(frozen=True)
class Rebuilt:
    """What came of it. ``report`` is None where there was nothing to compare with; ``losses`` are
    (step, loss) of the candidate's training, as far as this run saw it."""

    manifest: Manifest
    report: GateReport | None
    seconds: dict[str, float]
    losses: Sequence[tuple[int, float]] = field(default_factory=list)

    @property
    def may_go_live(self) -> bool:
        """Whether the gate let it pass."""
        return self.report is not None and self.report.verdict == "pass"


def rebuild(
    plan: Plan,
    *,
    watch: Callable[[Step], None] = lambda step: None,
    report: Callable[[str], None] = lambda line: None,
) -> Rebuilt:
    """Make the models of ``plan``, judge the first, and propose it. Nothing goes live.

    Raises:
        ErasedMeanwhile: The models are removed again; the next run learns what is left.
    """
    registry, started = plan.registry, time.monotonic()
    current = registry.current()
    losses: list[tuple[int, float]] = []

    def seen(step: Step) -> None:
        losses.append((step.done, step.loss))
        watch(step)

    versions: list[str] = []
    _write(plan, _journal(plan))
    for seed in plan.seeds:
        report(f"seed {seed}: {len(plan.dataset.of('train'))} sentences of {plan.dataset.version}")
        watched = watch if versions else seen
        versions.append(_built(plan, seed, current or "", watched, report))
    trained_s = time.monotonic() - started
    _check_erasures(plan, versions)
    candidate, sisters = versions[0], versions[1:]
    found = _judged(plan, candidate, sisters, current, report) if current else None
    registry.propose(candidate)
    (registry.root / JOURNAL).unlink(missing_ok=True)
    for version in sisters:
        registry.remove(version)
    seconds = {"training": trained_s, "gate": time.monotonic() - started - trained_s}
    rounded = {name: round(value, 1) for name, value in seconds.items()}
    return Rebuilt(registry.manifest(candidate), found, rounded, losses)


def _built(
    plan: Plan,
    seed: int,
    parent: str,
    watch: Callable[[Step], None],
    report: Callable[[str], None],
) -> str:
    """The model of a seed, made or found finished. A team is told which."""
    done = _journal(plan).built.get(str(seed)) or _published(plan, seed)
    if done in plan.registry.versions():
        _note(plan, seed, str(done))
        report(f"seed {seed}: {done} is finished already")
        current_team().hear(FINISHED)
        return str(done)
    current_team().hear(TRAIN)
    reviewed = plan.dataset.revision
    project, recipe = _learned(plan, seed)
    manifest = build(
        project,
        recipe,
        plan.registry,
        tests=plan.tests,
        watch=watch,
        report=report,
        checkpoint=_checkpoint(plan, seed, report),
        lineage=Lineage(parent, plan.dataset.version, plan.seeds, reviewed=reviewed),
        use=False,
    )
    _note(plan, seed, manifest.version)
    return manifest.version


def _published(plan: Plan, seed: int) -> str | None:
    """The model of a seed by a run that was killed before it noted it."""
    begun, registry = _journal(plan).begun, plan.registry
    recipe = msgspec.structs.replace(plan.recipe, seed=seed).hash
    for version in registry.unused():
        try:
            found = registry.manifest(version)
        except BundleError:  # whatever it was, it is not what is wanted
            continue
        made = found.lineage.dataset, found.lineage.seeds, found.seed, found.recipe_hash
        if found.created >= begun and made == (plan.dataset.version, plan.seeds, seed, recipe):
            return version
    return None


def _note(plan: Plan, seed: int, version: str) -> None:
    journal = _journal(plan)
    built = {**journal.built, str(seed): version}
    _write(plan, msgspec.structs.replace(journal, built=built))


def _write(plan: Plan, journal: Journal) -> None:
    plan.registry.root.mkdir(parents=True, exist_ok=True)
    path = plan.registry.root / JOURNAL
    draft = path.with_suffix(".draft")
    draft.write_bytes(msgspec.json.encode(journal))
    draft.replace(path)


def help_rebuild(plan: Plan) -> None:
    """The part in ``rebuild`` of a process that does not lead its team: a share of each training.

    ``plan`` is the leader's.
    """
    for seed in plan.seeds:
        if current_team().hear() == TRAIN:
            project, recipe = _learned(plan, seed)
            help_build(project, recipe, tests=plan.tests, checkpoint=_checkpoint(plan, seed))


def _learned(plan: Plan, seed: int) -> tuple[Project, Recipe]:
    recipe = msgspec.structs.replace(plan.recipe, seed=seed)
    return learned_by(plan.project, plan.dataset), recipe


def _checkpoint(
    plan: Plan, seed: int, report: Callable[[str], None] = lambda line: None
) -> Checkpoint:
    file, key = plan.registry.root / CHECKPOINT, f"{plan.key} {seed}"
    return Checkpoint(file, key, every_s=plan.every_s, report=report)


def _journal(plan: Plan) -> Journal:
    """That of a run like ``plan``; one that begins now where the last was another."""
    new = Journal(plan.key, begun=datetime.now(UTC).isoformat(timespec="seconds"))
    try:
        found = msgspec.json.decode((plan.registry.root / JOURNAL).read_bytes(), type=Journal)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return new
    return found if found.key == plan.key and found.begun else new


def _check_erasures(plan: Plan, versions: Sequence[str]) -> None:
    """Raises ErasedMeanwhile, and removes ``versions``, when what they learned is gone."""
    now = Shelf.of(plan.registry).load(plan.dataset.version).erased
    if now == plan.dataset.erased:
        return
    for version in versions:
        plan.registry.remove(version)
    (plan.registry.root / JOURNAL).unlink(missing_ok=True)
    raise ErasedMeanwhile(
        f"{now - plan.dataset.erased} sentences were erased while {plan.dataset.version} was being "
        "learned; what had learned them is removed. Run it again: it learns what is left."
    )


def _judged(
    plan: Plan,
    candidate: str,
    sisters: Sequence[str],
    current: str,
    report: Callable[[str], None],
) -> GateReport:
    sentences = of_dataset(
        plan.dataset,
        dataset_of(plan.registry, current),
        tests=from_tests(plan.tests),
        waiting=waiting(plan.project),
    )
    return run_gate(
        learned_by(plan.project, plan.dataset),
        plan.registry,
        candidate,
        current,
        sentences,
        plan.gate,
        seeds=sisters,
        arguments=plan.arguments,
        report=report,
    )
