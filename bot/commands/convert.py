"""Commands that bring files of other formats to the one that is read: `convert`, `migrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.commands import options
from bot.commands.output import written
from bot.errors import ProjectError

convert = typer.Typer(
    help="Write data of other formats as YAML.", no_args_is_help=True, add_completion=False
)


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    app.add_typer(convert, name="convert")
    app.command()(migrate)


@convert.command()
def nlu(
    source: Annotated[
        list[Path], typer.Argument(help="Files, folders, or the zip that Dialogflow exports.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write. Without it: to the terminal.")
    ] = None,
    language: Annotated[
        str, typer.Option("--language", "-l", help="Which of an agent's languages (Dialogflow).")
    ] = "en",
) -> None:
    """NLU data of Rasa JSON, LUIS 7, wit.ai or Dialogflow as YAML.

    For example: parley convert nlu agent.zip --out data/nlu.yml
    """
    from bot.project.convert import read_nlu
    from bot.project.nlu_yaml import nlu_yaml
    from bot.project.report import Report

    report = Report()
    data = read_nlu(source, report, language)
    for problem in report.problems:
        typer.echo(f"{problem.severity}: {problem}", err=True)
    report.raise_first_error()
    if out and out.exists():
        raise ProjectError("is there already.", file=str(out), suggestion="Name another file.")
    with written(out) as file:
        file.write(nlu_yaml(data))
    if out:
        typer.echo(f"{out}: {len(data.examples)} examples, {len(data.synonyms)} synonyms.")


def migrate(
    project: options.Project = Path(),
    domain: options.Domain = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write to. Without it the files are replaced."),
    ] = None,
) -> None:
    """Write a domain of Rasa 2 as one of Rasa 3.1: slots with the mappings they had there.

    A file that is replaced is kept beside it, with .rasa2 behind its name.
    """
    from bot.project.migrate_file import migrate_project

    written = migrate_project(project, options.paths_of(domain), out)
    for file in written:
        typer.echo(f"{file} is a domain of Rasa 3.1 now.")
    if not written:
        typer.echo("There is no domain file of Rasa 2: nothing was written.")
