"""What training adds to the `parley` command. Imports nothing heavy: `parley --help` runs it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import options
from bot.errors import NotFound
from training import pretrain_cli, rebuild_cli, replay_cli, rollout_cli, testing, tune_cli
from training.gate import cli as gate_cli
from training.logs import cli as logs
from training.teachers import Teacher, find_teacher
from training.terminal import needs_torch, progress, told
from training.watch import cli as watch_cli

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.project.project import Project
    from nlu.registry import Registry
    from training.policy_recipe import PolicyRecipe
    from training.recipe import Recipe
    from training.work import Work

CHANGED, FORCED = 1, 8  # exit codes of a dry run, as Rasa's


class Part(StrEnum):
    """The model of the words, the model of what comes next, the FAQ's index, the ranker."""

    NLU = "nlu"
    CORE = "core"
    FAQ = "faq"
    RANKER = "ranker"


RecipeFile = Annotated[
    Path | None,
    typer.Option(
        help="TOML file of what differs from the default recipe. Default: `recipe.toml` in the "
        "project, if there is one.",
        show_default=False,
    ),
]

PolicyRecipeFile = Annotated[
    Path | None,
    typer.Option(
        help="The same for the policy model. Default: `policy.toml` in the project, if there is "
        "one.",
        show_default=False,
    ),
]


rollout_cli.app.command()(replay_cli.replay)


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command()(train)
    app.command()(evaluate)
    app.command()(pretrain_cli.pretrain)
    app.command()(gate_cli.gate)
    app.command()(rebuild_cli.rebuild)
    app.add_typer(rebuild_cli.app, name="dataset")
    app.command()(tune_cli.tune)
    app.command()(watch_cli.report)
    app.add_typer(logs.app, name="logs")
    app.add_typer(rollout_cli.app, name="models")
    app.add_typer(testing.app, name="test")


def train(
    part: Annotated[
        Part | None, typer.Argument(help="Only this model. Default: all.", show_default=False)
    ] = None,
    project: options.Project = Path(),
    recipe: RecipeFile = None,
    policy_recipe: PolicyRecipeFile = None,
    models: options.Models = None,
    force: Annotated[bool, typer.Option("--force", help="Train though nothing changed.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Train nothing: tell what would be trained, and why. Exit code: 0 nothing, "
            "1 something, 8 with --force.",
        ),
    ] = False,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over the NLU examples, whatever the recipe says."),
    ] = None,
    teacher: Teacher = None,
    augmentation: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=1000,
            help="How many stories are chained for the policy model. Default: 50.",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar: for logs.")] = False,
    overlap: Annotated[
        bool,
        typer.Option(
            "--overlap", help="Train nothing: show what tests/nlu.yml shares with the examples."
        ),
    ] = False,
    domain: options.Domain = None,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Train what changed: the NLU model, and a policy model if config.yml has TEDPolicy.

    What was trained is current at once.
    """
    from msgspec import structs

    from bot.project.cache import cache_folder
    from bot.project.load import load_project
    from training.examples import read_tests
    from training.policy_recipe import load_policy_recipe
    from training.show import show_overlap

    with told():
        chosen = _nlu_recipe(recipe or _own(project, "recipe.toml"), epochs)
        policy = load_policy_recipe(
            policy_recipe or _own(project, "policy.toml"), augmentation=augmentation
        )
        registry = _registry(project, models)
        if teacher is not None:
            chosen = structs.replace(chosen, teacher=find_teacher(teacher, registry))
        paths = options.paths_of(domain, data, config)
        read = load_project(project, paths=paths, cache=cache_folder())
        if overlap:
            with needs_torch():
                show_overlap(read.nlu.examples, read_tests(project), chosen)
            return
        found = _works(read, part, chosen, policy, registry, force=force)
        _tell_ready(project, part, found)
        waiting = [work for work in found if work.why]
        if dry_run:
            for work in waiting:
                typer.echo(f"{project}: {work.name} would be trained: {work.why}.")
            raise typer.Exit((FORCED if force else CHANGED) if waiting else 0)
        for work in waiting:
            with needs_torch(), progress(quiet=quiet) as (watch, report):
                line = work.run(watch, report)
            typer.echo(f"{project}: {line}")


def _own(project: Path, name: str) -> Path | None:
    return project / name if (project / name).is_file() else None


def _nlu_recipe(file: Path | None, epochs: int | None) -> Recipe:
    import msgspec

    from training.recipe import Recipe, load_recipe

    chosen = load_recipe(file)
    if epochs is None:
        return chosen
    just = {"epochs": epochs, "small_steps": 0, "most_read": 0}
    return msgspec.convert(msgspec.to_builtins(chosen) | just, Recipe)


def _works(
    project: Project,
    part: Part | None,
    recipe: Recipe,
    policy: PolicyRecipe,
    registry: Registry,
    *,
    force: bool,
) -> list[Work]:
    from bot.model.faq import faq_registry
    from bot.model.policy import policy_registry
    from bot.model.ranking import ranker_registry
    from training.faq_work import faq_work
    from training.ranker_recipe import load_ranker_recipe
    from training.ranker_work import ranker_work
    from training.work import core_work, nlu_work

    ranker = load_ranker_recipe(_own(Path(project.path), "ranker.toml"))
    found = []
    if part in (None, Part.NLU):
        found.append(nlu_work(project, recipe, registry, force=force))
    if part in (None, Part.CORE):
        policies = policy_registry(registry.root)
        waits = any(work is not None and work.why for work in found)
        found.append(
            core_work(project, policy, policies, bundles=registry, nlu_waits=waits, force=force)
        )
    if part in (None, Part.FAQ):
        found.append(faq_work(project, ranker, faq_registry(registry.root), force=force))
    if part in (None, Part.RANKER):
        rankers, wanted = ranker_registry(registry.root), part is not None
        found.append(ranker_work(project, ranker, rankers, force=force, wanted=wanted))
    return [work for work in found if work is not None]


def _tell_ready(project: Path, part: Part | None, found: Sequence[Work]) -> None:
    if not found:
        what = {
            Part.NLU: "nothing in the pipeline of config.yml is trained, or there are no examples",
            Part.CORE: "no policy of config.yml is trained, or there are no stories",
            Part.FAQ: "the pipeline has no FaqRetriever",
            Part.RANKER: "there is nothing to rank",
        }
        said = [what[part]] if part else [what[Part.NLU], what[Part.CORE]]
        typer.echo(f"{project}: {'; '.join(said)}.")
    for work in found:
        if not work.why:
            again = "--force trains all the same"
            typer.echo(f"{project}: {work.name} {work.version} is up to date; {again}.")


def evaluate(
    project: options.Project = Path(),
    data: Annotated[
        Path | None,
        typer.Option(
            help="Sentences in Rasa's NLU format. Default: `tests/nlu.yml` in the project.",
            show_default=False,
        ),
    ] = None,
    models: options.Models = None,
    version: Annotated[
        str | None,
        typer.Option(help="A model's version. Default: the current.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Score a model on labelled sentences it was not trained on."""
    import msgspec

    from nlu.bundle import open_bundle
    from training.evaluate import answer, score
    from training.examples import TESTS, read_examples
    from training.show import show_scores

    with told():
        registry = _registry(project, models)
        chosen = version or registry.current()
        if chosen is None:
            raise NotFound(f"{registry.root} holds no model yet. Run `parley train` first.")
        bundle = open_bundle(registry.folder(chosen))
        examples = read_examples(data or project / TESTS)
        answers = answer(
            bundle.model,
            [example.text for example in examples],
            bundle.manifest.intents,
            bundle.manifest.labels,
            temperature=bundle.manifest.temperature,
            scope=bundle.scope,
            outside=bundle.manifest.outside,
            several=bundle.several,
        )
        scores = score(examples, answers)
        if json:
            typer.echo(msgspec.json.format(msgspec.json.encode(scores)))
        else:
            show_scores(chosen, scores)


def _registry(project: Path, models: Path | None) -> Registry:
    from nlu.registry import Registry

    return Registry(models or project / "models")
