"""The search for a better recipe: each trial is scored by cross-validation.

What was tried is kept in a file of SQLite, so that a search that was killed goes on.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any, Literal, cast

import msgspec
import optuna

from bot.errors import ProjectError, SettingsError
from bot.project.multi_intents import split_of
from bot.project.project import Example, Project
from training.crossval import folds
from training.evaluate import score
from training.make import make
from training.publish import examples_of
from training.recipe import Recipe, read_toml
from training.teachers import refuse_bundle
from training.train import Step

DEFAULT = Path(__file__).parent / "recipes" / "tune.toml"
FILE = "tune.toml"  # in a project
MOST_GRID = 10_000
WARM_UP = 5  # trials before a poor one is given up half way
Search = Literal["bayes", "random", "grid"]
Measure = Literal["sentence_accuracy", "intent_accuracy", "intent_macro_f1"]
Trial = optuna.trial.Trial
Value = int | float | bool | str


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values of one number: ``values``, or all from ``low`` to ``high``."""

    low: float | int | None = None
    high: float | int | None = None
    log: bool = False
    step: float | int | None = None
    values: tuple[Value, ...] = ()

    def drawn(self, name: str, trial: Trial) -> Value:
        """What ``trial`` tries."""
        if self.values:
            return cast(Value, trial.suggest_categorical(name, list(self.values)))
        low, high = self.low, self.high
        assert low is not None
        assert high is not None
        if isinstance(low, int) and isinstance(high, int):
            return trial.suggest_int(name, low, high, step=int(self.step or 1), log=self.log)
        return trial.suggest_float(name, low, high, step=self.step, log=self.log)

    def listed(self, name: str) -> list[Value]:
        """Every value, for a grid. Raises SettingsError where there is no end of them."""
        if self.values:
            return list(self.values)
        if self.step is None:
            raise SettingsError(f"{name}: a grid needs `values`, or a `step` from low to high.")
        count = int((float(self.high or 0) - float(self.low or 0)) / self.step + 1e-9) + 1
        return [round((self.low or 0) + at * self.step, 10) for at in range(count)]


Space = Mapping[str, Span]


@dataclass(frozen=True)
class Plan:
    """What is searched, and how: ``trials`` in all, earlier ones of the same search included."""

    project: Project
    recipe: Recipe
    space: Space
    storage: Path
    search: Search = "bayes"
    measure: Measure = "sentence_accuracy"
    trials: int = 20
    folds: int = 3

    @property
    def name(self) -> str:
        """The same for what can be compared and gone on with."""
        told = [
            self.project.nlu_hash,
            self.recipe.hash,
            {name: msgspec.to_builtins(span) for name, span in sorted(self.space.items())},
            self.search,
            self.measure,
            self.folds,
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


class Tried(msgspec.Struct, frozen=True):
    """A trial: what differed from the recipe, and the mean and spread over the folds."""

    number: int
    changes: dict[str, Value]
    score: float
    spread: float
    complete: bool  # False: given up half way


def read_space(path: Path | None = None) -> Space:
    """The search space in ``path``. Raises SettingsError."""
    chosen = path or DEFAULT
    try:
        space = msgspec.convert(read_toml(chosen), dict[str, Span])
    except msgspec.ValidationError as error:
        raise SettingsError(f"{chosen}: {error}.") from error
    for name, span in space.items():
        if name not in Recipe.__struct_fields__:
            known = ", ".join(Recipe.__struct_fields__)
            raise SettingsError(f"{chosen}: a recipe has no {name!r}. Its names: {known}.")
        if not span.values and (span.low is None or span.high is None or span.low > span.high):
            raise SettingsError(f"{chosen}: {name} needs `values`, or `low` and a higher `high`.")
    if not space:
        raise SettingsError(f"{chosen}: there is nothing to search.")
    return space


def tune(
    plan: Plan,
    *,
    watch: Callable[[Step], None] = lambda step: None,
    report: Callable[[str], None] = lambda line: None,
) -> list[Tried]:
    """Every trial there is of this search, the best first. Raises ProjectError, SettingsError."""
    refuse_bundle(plan.recipe.teacher, "a search")
    examples = examples_of(plan.project, plan.recipe)
    if len(examples) < 2 * plan.folds:
        raise ProjectError(f"nlu: {len(examples)} examples are too few for {plan.folds} folds.")
    study = _study(plan)
    parts = folds(examples, plan.folds, plan.recipe.seed)
    for trial in _again(study):
        report(f"trial {trial} was not finished and is tried again")

    def objective(trial: Trial) -> float:
        changes = {name: span.drawn(name, trial) for name, span in plan.space.items()}
        report(f"trial {trial.number}: {told(changes)}")
        return _scored(plan, trial, _changed(plan.recipe, changes), parts, watch)

    left = _wanted(plan) - len(_finished(study))
    if left > 0:
        study.optimize(objective, n_trials=left)
    return _all(study)


def told(changes: Mapping[str, Value]) -> str:
    """``changes`` in a line."""
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in changes.items()
    )


def _scored(
    plan: Plan,
    trial: Trial,
    recipe: Recipe,
    parts: Sequence[Sequence[Example]],
    watch: Callable[[Step], None],
) -> float:
    found: list[float] = []
    for number, part in enumerate(parts):
        rest = [each for other in parts if other is not part for each in other]
        found.append(_one(plan, recipe, rest, part, watch))
        trial.report(fmean(found), number)
        trial.set_user_attr("spread", pstdev(found))
        if number + 1 < len(parts) and trial.should_prune():
            raise optuna.TrialPruned
    return fmean(found)


def _one(
    plan: Plan,
    recipe: Recipe,
    rest: Sequence[Example],
    part: Sequence[Example],
    watch: Callable[[Step], None],
) -> float:
    """Train on ``rest``, score on ``part``, as the model would be served."""
    with tempfile.TemporaryDirectory() as folder:
        made = make(
            rest,
            recipe,
            Path(folder),
            lookups=plan.project.nlu.lookups,
            split=split_of(plan.project.config.pipeline),
            watch=watch,
        )
        found: float = getattr(score(part, made.ask(part)), plan.measure)
        return found


def _changed(recipe: Recipe, changes: Mapping[str, Value]) -> Recipe:
    try:
        # Small sets would be trained on twice, to fit what no fold looks at.
        return msgspec.convert(msgspec.to_builtins(recipe) | dict(changes) | {"small": 0}, Recipe)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{told(changes)}: {error}.") from error


def _study(plan: Plan) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    plan.storage.parent.mkdir(parents=True, exist_ok=True)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=WARM_UP)
    url = f"sqlite:///{plan.storage}"
    study = optuna.create_study(
        storage=url, study_name=plan.name, load_if_exists=True, direction="maximize", pruner=pruner
    )
    study.sampler = _sampler(plan, len(study.trials))
    return study


def _sampler(plan: Plan, tried: int) -> optuna.samplers.BaseSampler:
    seed = plan.recipe.seed + tried  # going on does not draw the same again
    match plan.search:
        case "grid":
            return optuna.samplers.GridSampler(_grid(plan.space), seed=plan.recipe.seed)
        case "random":
            return optuna.samplers.RandomSampler(seed=seed)
        case "bayes":
            return optuna.samplers.TPESampler(seed=seed, n_startup_trials=WARM_UP)


def _grid(space: Space) -> dict[str, Sequence[Any]]:
    return {name: span.listed(name) for name, span in space.items()}


def _wanted(plan: Plan) -> int:
    if plan.search != "grid":
        return plan.trials
    points = 1
    for values in _grid(plan.space).values():
        points *= len(values)
    if points > MOST_GRID:
        raise SettingsError(f"the grid has {points} points; {MOST_GRID} are the most.")
    return points


def _again(study: optuna.Study) -> Iterator[int]:
    """Trials of a run that was killed: tried again, with the same numbers."""
    states = optuna.trial.TrialState
    known = [each.params for each in _finished(study)]
    known += [
        each.system_attrs.get("fixed_params", {})
        for each in study.get_trials(states=(states.WAITING,))
    ]
    for trial in study.get_trials(states=(states.RUNNING, states.FAIL)):
        if trial.state == states.RUNNING:
            study.tell(trial.number, state=states.FAIL)
        if trial.params and trial.params not in known:
            known.append(trial.params)
            study.enqueue_trial(trial.params)
            yield trial.number


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return study.get_trials(states=states)


def _all(study: optuna.Study) -> list[Tried]:
    found = [
        Tried(
            trial.number,
            trial.params,
            round(float(trial.value or 0.0), 4),
            round(trial.user_attrs.get("spread", 0.0), 4),
            trial.state == optuna.trial.TrialState.COMPLETE,
        )
        for trial in _finished(study)
    ]
    return sorted(found, key=lambda each: (not each.complete, -each.score, each.number))
