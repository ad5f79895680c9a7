"""`parley test`: a project's conversations and its NLU, tried as they are served.

Files and options are called what `rasa test` calls them. Nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from bot.commands import options
from bot.errors import SettingsError
from training import testing_options
from training.terminal import needs_torch, progress, told

if TYPE_CHECKING:
    from bot.project.paths import ProjectPaths
    from bot.project.project import Example, Project
    from bot.settings import Settings
    from bot.testing.results import Wanted
    from bot.testing.run import StoryTest

T = TypeVar("T")

app = typer.Typer(
    help="Test conversations and NLU: both, or one of them.", invoke_without_command=True
)


@app.callback()
def both(
    context: typer.Context,
    project: options.Project = Path(),
    stories: testing_options.Stories = None,
    nlu: testing_options.NluFileOrNone = None,
    model: testing_options.Model = None,
    models: options.Models = None,
    out: testing_options.Out = Path("results"),
    actions: testing_options.Actions = False,
    max_stories: testing_options.Most = None,
    e2e: testing_options.EndToEnd = False,
    fail_on_prediction_errors: testing_options.Fail = False,
    no_fail: testing_options.NoFail = False,
    no_plot: testing_options.NoPlot = False,
    no_errors: testing_options.NoErrors = False,
    no_warnings: testing_options.NoWarnings = False,
    successes: testing_options.Successes = False,
    domain: options.Domain = None,
    data: options.Data = None,
    config: options.Config = None,
    endpoints: options.Endpoints = None,
) -> None:
    """Try a project's conversations, then its NLU; or only one of them.

    Exits with 1 when a conversation goes another way than tests/test_*.yml tell.
    """
    if context.invoked_subcommand is not None:
        return
    from bot.testing.results import Wanted
    from bot.testing.run import StoryTest

    without = nlu == "none"
    paths = options.paths_of(domain, data, config, endpoints)
    nlu_mode = "none" if without else None
    settings = settings_for(project, paths, model=model, models=models, nlu=nlu_mode)
    test = StoryTest(stories or project / "tests", actions, fail_on_prediction_errors, max_stories)
    wanted = Wanted(successes, not no_errors, not no_warnings, not no_plot)
    with told():
        passed = _conversations(settings, test, out, wanted)
        if not without:
            _sentences(settings, Path(nlu) if nlu else None, out, wanted)
    raise typer.Exit(0 if passed or no_fail else 1)


@app.command("core")
def core(
    project: options.Project = Path(),
    stories: testing_options.Stories = None,
    nlu: testing_options.NoNlu = None,
    model: testing_options.Model = None,
    models: options.Models = None,
    out: testing_options.Out = Path("results"),
    actions: testing_options.Actions = False,
    max_stories: testing_options.Most = None,
    e2e: testing_options.EndToEnd = False,
    fail_on_prediction_errors: testing_options.Fail = False,
    no_fail: testing_options.NoFail = False,
    no_plot: testing_options.NoPlot = False,
    no_errors: testing_options.NoErrors = False,
    no_warnings: testing_options.NoWarnings = False,
    successes: testing_options.Successes = False,
    domain: options.Domain = None,
    data: options.Data = None,
    config: options.Config = None,
    endpoints: options.Endpoints = None,
) -> None:
    """Try the conversations of tests/test_*.yml; exit with 1 when one goes another way.

    Every step is predicted with the current model, then the story's own step is taken, as Rasa
    does: slots and loops are what the story says, so no action server is needed.
    """
    from bot.testing.results import Wanted
    from bot.testing.run import StoryTest

    paths = options.paths_of(domain, data, config, endpoints)
    settings = settings_for(project, paths, model=model, models=models, nlu=nlu)
    test = StoryTest(stories or project / "tests", actions, fail_on_prediction_errors, max_stories)
    wanted = Wanted(successes, not no_errors, not no_warnings, not no_plot)
    passed = _conversations(settings, test, out, wanted)
    raise typer.Exit(0 if passed or no_fail else 1)


@app.command("nlu")
def nlu(
    project: options.Project = Path(),
    nlu: testing_options.NluFile = None,
    model: testing_options.Model = None,
    models: options.Models = None,
    out: testing_options.Out = Path("results"),
    cross_validation: testing_options.CrossValidation = False,
    folds: testing_options.Folds = 5,
    train: testing_options.TrainOn = None,
    test: testing_options.TestOn = None,
    recipe: testing_options.RecipeFile = None,
    seed: testing_options.Seed = None,
    quiet: testing_options.Quiet = False,
    no_plot: testing_options.NoPlot = False,
    no_errors: testing_options.NoErrors = False,
    successes: testing_options.Successes = False,
    domain: options.Domain = None,
    data: options.Data = None,
    config: options.Config = None,
    endpoints: options.Endpoints = None,
) -> None:
    """Score NLU: the current model on labelled sentences, or a new one.

    As it is, the current model of the project reads --nlu. With --cross-validation, models
    trained on parts of the project's sentences read the parts they have not seen. With --train
    and --test, which need no project, a model is trained on one file and scored on another; then
    --out is the JSON file of the report, and the page beside it shows it.
    """
    if (train is None) != (test is None):
        raise SettingsError("--train and --test go together: one file to learn from, one to score.")
    from bot.testing.results import Wanted

    with told():
        if train is not None and test is not None:
            _trial(train, test, out, recipe=recipe, seed=seed, quiet=quiet)
            return
        wanted = Wanted(successes, not no_errors, plot=not no_plot)
        paths = options.paths_of(domain, data, config, endpoints)
        settings = settings_for(project, paths, model=model, models=models, nlu=None)
        if cross_validation:
            _folds(settings, folds, out, wanted, recipe=recipe, seed=seed, quiet=quiet)
        else:
            _sentences(settings, nlu, out, wanted)


def _trial(
    train: Path, test: Path, out: Path, *, recipe: Path | None, seed: int | None, quiet: bool
) -> None:
    """Train on a file, score another, write what came of it."""
    from bot.testing.results import write_json
    from training.recipe import load_recipe

    chosen = load_recipe(recipe, seed=seed)
    out = _report_file(out)
    with needs_torch(), progress(quiet=quiet) as (watch, report):
        from training.data import read_data
        from training.page import page
        from training.show import show_trial
        from training.trial import run_trial

        found = run_trial(read_data(train), read_data(test), chosen, watch=watch, report=report)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, found)
    shown = out.with_suffix(".html")
    shown.write_text(page(found), "utf-8")
    show_trial(found)
    typer.echo(f"{out} and {shown} hold all of it.")


def _sentences(settings: Settings, data: Path | None, out: Path, wanted: Wanted) -> None:
    """Let the current model read labelled sentences."""
    import asyncio

    from bot.project.cache import cache_folder
    from bot.project.load import load_project
    from bot.testing.heard import Heard, in_parts, listen
    from bot.testing.opening import open_tested
    from training.nlutest import extractor_names, write_nlu_results
    from training.show import show_heard

    project = load_project(settings.project, paths=settings.paths, cache=cache_folder())
    examples = _labelled(project, data)

    async def heard() -> list[Heard]:
        async with open_tested(settings, project) as loaded:
            return await listen(loaded.nlu, _watched(in_parts(examples), "sentences"))

    found = asyncio.run(heard())
    write_nlu_results(out, found, wanted, extractor_names(project))
    show_heard([found], out)


def _labelled(project: Project, data: Path | None) -> Sequence[Example]:
    """The sentences to read: those given, else the project's tests, else its training data."""
    from training.data import read_data
    from training.examples import read_tests

    if data is not None:
        return read_data(data).nlu.examples
    if tests := read_tests(Path(project.path)):
        return tests
    typer.echo("There is no tests/nlu.yml: the sentences are those of the training data.", err=True)
    return project.nlu.examples


def _folds(
    settings: Settings,
    count: int,
    out: Path,
    wanted: Wanted,
    *,
    recipe: Path | None,
    seed: int | None,
    quiet: bool,
) -> None:
    """Train a model for each part of the sentences, and let it read that part."""
    from bot.project.cache import cache_folder
    from bot.project.load import load_project
    from training.nlutest import write_nlu_results
    from training.recipe import load_recipe
    from training.show import show_heard

    project = load_project(settings.project, paths=settings.paths, cache=cache_folder())
    own = settings.project / "recipe.toml"
    chosen = load_recipe(recipe or (own if own.is_file() else None), seed=seed)
    with needs_torch(), progress(quiet=quiet) as (watch, report):
        from training.crossval import cross_validate

        heard = cross_validate(project, chosen, count, watch=watch, report=report)
    write_nlu_results(out, [each for part in heard for each in part], wanted)
    show_heard(heard, out)


def _report_file(out: Path) -> Path:
    """Where the report goes. Raises SettingsError."""
    if out.suffix == ".json":
        return out
    if out.suffix:
        raise SettingsError(f"--out {out}: give a folder, or a name that ends in .json.")
    return out / "report.json"


def _conversations(settings: Settings, test: StoryTest, out: Path, wanted: Wanted) -> bool:
    """Try them, write and show how they went; whether all passed."""
    from bot.testing.results import FAILED, write_results
    from bot.testing.run import try_stories
    from bot.testing.show import show_outcomes

    outcomes = try_stories(settings, test, partial(_watched, what="conversations"))
    write_results(out, outcomes, wanted)
    failed = out / FAILED if wanted.errors else None
    show_outcomes(outcomes, out, failed)
    return all(outcome.passed for outcome in outcomes)


def _watched(items: Sequence[T], what: str) -> Iterator[T]:
    """``items`` with a progress bar, where there is somebody to see it."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    quiet = not console.is_terminal
    yield from track(items, what, console=console, transient=True, disable=quiet)


def settings_for(
    project: Path, paths: ProjectPaths, *, model: str | None, models: Path | None, nlu: str | None
) -> Settings:
    """The settings of the environment with those given, and logs kept to errors."""
    from msgspec.structs import asdict

    from bot.settings import load_settings
    from bot.telemetry import start_logging

    given = {"project": project, "model": model, "models": models, "nlu": nlu}
    settings = load_settings(**given, **asdict(paths))
    settings = settings.model_copy(update={"log_level": "ERROR"})
    start_logging(settings)
    return settings
