"""`parley tune`. Imports nothing heavy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.commands import options
from bot.errors import SettingsError
from training.terminal import needs_torch, progress, told


class Search(StrEnum):
    """How the next trial is chosen."""

    BAYES = "bayes"
    RANDOM = "random"
    GRID = "grid"


class Measure(StrEnum):
    """What is to be high."""

    SENTENCES = "sentence_accuracy"
    INTENTS = "intent_accuracy"
    MACRO_F1 = "intent_macro_f1"


def tune(
    project: options.Project = Path(),
    space: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of what to try. Default: `tune.toml` in the project, else Parley's.",
            show_default=False,
        ),
    ] = None,
    search: Annotated[
        Search,
        typer.Option(
            help="`bayes` learns from the trials before (TPE); `grid` tries every combination."
        ),
    ] = Search.BAYES,
    trials: Annotated[
        int, typer.Option(min=1, help="How many in all, those of an earlier run included.")
    ] = 20,
    folds: Annotated[int, typer.Option(min=2, help="Parts of the cross-validation.")] = 3,
    measure: Annotated[Measure, typer.Option(help="What is to be high.")] = Measure.SENTENCES,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="Recipe to begin from. Default: `recipe.toml` in the project, if there is one.",
            show_default=False,
        ),
    ] = None,
    models: options.Models = None,
    out: Annotated[
        Path | None, typer.Option(help="Write a recipe with the best numbers to this TOML file.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar: for logs.")] = False,
) -> None:
    """Search for a better recipe, by cross-validation on the project's own sentences.

    The test sentences are not read. A search that was stopped goes on where it was.
    """
    from bot.project.cache import cache_folder
    from bot.project.load import load_project
    from training.recipe import load_recipe

    own_recipe, own_space = project / "recipe.toml", project / "tune.toml"
    chosen = load_recipe(recipe or (own_recipe if own_recipe.is_file() else None))
    read = load_project(project, cache=cache_folder())
    with told(), _needs_optuna(), needs_torch(), progress(quiet=quiet) as (watch, report):
        from training import tune as tuning

        plan = tuning.Plan(
            read,
            chosen,
            tuning.read_space(space or (own_space if own_space.is_file() else None)),
            (models or project / "models") / "tune.db",
            search.value,
            measure.value,
            trials,
            folds,
        )
        found = tuning.tune(plan, watch=watch, report=report)
    for each in found[:10]:
        half = "" if each.complete else "  given up"
        changes = tuning.told(each.changes)
        typer.echo(f"{each.number:>4}  {each.score:.1%} ±{each.spread:.1%}  {changes}{half}")
    if out is not None and found and found[0].complete:
        lines = [f"{name} = {json.dumps(value)}" for name, value in found[0].changes.items()]
        about = f"# {measure.value} {found[0].score} in {folds}-fold cross-validation\n"
        out.write_text(about + "\n".join(lines) + "\n", "utf-8")
        typer.echo(f"{out} holds the best: `parley train --recipe {out}`.")


@contextmanager
def _needs_optuna() -> Iterator[None]:
    """One sentence where Optuna is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name == "optuna":
            raise SettingsError("the search needs Optuna: install parley[tune].") from error
        raise
