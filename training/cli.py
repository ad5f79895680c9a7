"""What training adds to the `parley` command. Imports nothing heavy: `parley --help` runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import options
from bot.errors import NotFound
from training import testing
from training.terminal import needs_torch, progress, told

if TYPE_CHECKING:
    from nlu.registry import Registry

ProjectFolder = Annotated[
    Path, typer.Option("--project", "-p", help="Folder of the project.", envvar="PARLEY_PROJECT")
]
Models = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the model registry. [default: `models` in the project]",
        envvar="PARLEY_MODELS",
        show_default=False,
    ),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(
        help="TOML file of what differs from the default recipe. [default: `recipe.toml` in the "
        "project, if there is one]",
        show_default=False,
    ),
]

models_app = typer.Typer(help="The trained models of a project.", invoke_without_command=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.command()(train)
    app.command()(evaluate)
    app.add_typer(models_app, name="models")
    app.add_typer(testing.app, name="test")


def train(
    project: ProjectFolder = Path(),
    recipe: RecipeFile = None,
    models: Models = None,
    force: Annotated[bool, typer.Option("--force", help="Train though nothing changed.")] = False,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the examples, whatever the recipe says.")
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
    """Train the NLU model if the project or its recipe changed, and make it current."""
    import msgspec

    from bot.model import wants_model
    from bot.project.cache import cache_folder
    from bot.project.load import load_project
    from training.examples import read_tests
    from training.recipe import Recipe, load_recipe
    from training.show import show_overlap

    with told():
        own = project / "recipe.toml"
        chosen = load_recipe(recipe or (own if own.is_file() else None))
        if epochs is not None:
            chosen = msgspec.convert(msgspec.to_builtins(chosen) | {"epochs": epochs}, Recipe)
        paths = options.paths_of(domain, data, config)
        read = load_project(project, paths=paths, cache=cache_folder())
        if not wants_model(read):
            typer.echo(f"{project}: nothing in the pipeline of config.yml is trained.")
            return
        if overlap:
            with needs_torch():
                show_overlap(read.nlu.examples, read_tests(project), chosen)
            return
        registry = _registry(project, models)
        if not force and (version := _up_to_date(registry, read.nlu_hash, chosen.hash)):
            typer.echo(f"{project}: model {version} is up to date; --force trains all the same.")
            return
        with needs_torch(), progress(quiet=quiet) as (watch, report):
            from training.publish import build

            manifest = build(
                read, chosen, registry, tests=read_tests(project), watch=watch, report=report
            )
        scores = manifest.scores["int8"]
        typer.echo(
            f"{project}: model {manifest.version}: intents {scores['intent_accuracy']:.1%}, "
            f"entities F1 {scores['entity_f1']:.1%} on {scores['sentences']} sentences."
        )


def evaluate(
    project: ProjectFolder = Path(),
    data: Annotated[
        Path | None,
        typer.Option(
            help="Sentences in Rasa's NLU format. [default: `tests/nlu.yml` in the project]",
            show_default=False,
        ),
    ] = None,
    models: Models = None,
    version: Annotated[
        str | None,
        typer.Option(help="A model's version. [default: the current]", show_default=False),
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
        )
        scores = score(examples, answers)
        if json:
            typer.echo(msgspec.json.format(msgspec.json.encode(scores)))
        else:
            show_scores(chosen, scores)


@models_app.callback()
def models_default(
    context: typer.Context, project: ProjectFolder = Path(), models: Models = None
) -> None:
    """The trained models of a project."""
    context.obj = (project, models)
    if context.invoked_subcommand is None:
        list_models(context)


@models_app.command("list")
def list_models(context: typer.Context) -> None:
    """Every version, the oldest first; * marks the one that answers."""
    with told():
        registry = _registry(*context.obj)
        versions, current = registry.versions(), registry.current()
        if not versions:
            typer.echo(f"{registry.root} holds no model yet. Run `parley train` first.")
        for name in versions:
            scores = registry.manifest(name).scores.get("int8", {})
            typer.echo(
                f"{'*' if name == current else ' '} {name}"
                f"  intents {scores.get('intent_accuracy', 0):.1%}"
                f"  entities F1 {scores.get('entity_f1', 0):.1%}"
                f"  on {scores.get('sentences', 0)} sentences"
            )


@models_app.command("use")
def use_model(
    context: typer.Context, version: Annotated[str, typer.Argument(help="As `list` shows it.")]
) -> None:
    """Make a version the one that answers."""
    with told():
        _registry(*context.obj).use(version)
        typer.echo(f"{version} is current now.")


def _registry(project: Path, models: Path | None) -> Registry:
    from nlu.registry import Registry

    return Registry(models or project / "models")


def _up_to_date(registry: Registry, data_hash: str, recipe_hash: str) -> str | None:
    """The current version, if it was trained on this data by this recipe."""
    from nlu.errors import BundleError

    try:
        version = registry.current()
        manifest = registry.manifest(version) if version else None
    except BundleError:
        return None  # damaged: train another
    if manifest and (manifest.data_hash, manifest.recipe_hash) == (data_hash, recipe_hash):
        return version
    return None
