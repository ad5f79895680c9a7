"""`parley split`: data in two parts, to learn from and to test with. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import options
from bot.commands.output import written
from bot.errors import ProjectError

if TYPE_CHECKING:
    from bot.project.paths import ProjectPaths
    from bot.project.project import NluData

TRAINING, TEST = "training_data.yml", "test_data.yml"

app = typer.Typer(help="Data in two parts, to learn from and to test with.", no_args_is_help=True)


@app.command()
def nlu(
    project: options.Project = Path(),
    source: Annotated[
        Path | None,
        typer.Option(
            "--nlu",
            "-u",
            help="File or folder of NLU data. Default: the project's.",
            show_default=False,
        ),
    ] = None,
    training_fraction: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of each intent to learn from.")
    ] = 0.8,
    random_seed: Annotated[int, typer.Option(min=0, help="Another deals otherwise.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the two files.")] = Path("train_test_split"),
    domain: options.Domain = None,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Split labelled sentences, so that every intent is in both parts if it has enough."""
    from bot.project.nlu_yaml import nlu_yaml
    from bot.project.split import split

    read = _read(project, source, options.paths_of(domain, data, config))
    if not read.examples:
        raise ProjectError("there are no examples under 'nlu'.", file=str(source or project))
    parts = split(read, fraction=training_fraction, seed=random_seed)
    for name, part in zip((TRAINING, TEST), parts, strict=True):
        with written(out / name) as file:
            file.write(nlu_yaml(part))
        typer.echo(f"{out / name}: {len(part.examples)} examples.")


def _read(project: Path, source: Path | None, paths: ProjectPaths) -> NluData:
    from bot.project.convert import read_nlu
    from bot.project.load import load_project
    from bot.project.report import Report

    if source is None:
        return load_project(project, paths=paths).nlu
    report = Report()
    found = read_nlu([source], report)
    report.raise_first_error()
    return found
