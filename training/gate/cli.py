"""`parley gate`: whether a model may take the current one's place. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import options
from bot.errors import NotFound, SettingsError
from training.terminal import told

if TYPE_CHECKING:
    from training.gate.verdict import GateReport

FAILED, OPEN = 1, 2  # exit codes beside 0, which is a pass

Recipe = Annotated[
    Path | None,
    typer.Option(
        "--gate-recipe",
        help="TOML file of thresholds. Default: `gate.toml` in the project, if there is one.",
        show_default=False,
    ),
]


def gate(
    version: Annotated[
        str | None,
        typer.Argument(help="The model to judge. Default: the candidate.", show_default=False),
    ] = None,
    project: options.Project = Path(),
    against: Annotated[
        str | None,
        typer.Option(help="The model it would replace. Default: the current.", show_default=False),
    ] = None,
    seed: Annotated[
        list[str] | None,
        typer.Option(help="A model made like it on another seed; several: again."),
    ] = None,
    nlu: Annotated[
        Path | None,
        typer.Option(
            help="Labelled sentences neither learned. Default: `tests/nlu.yml`, and what people "
            "labelled of the traffic.",
            show_default=False,
        ),
    ] = None,
    models: options.Models = None,
    recipe: Recipe = None,
    conversations: Annotated[
        bool, typer.Option(help="Hold the conversation tests with both models.")
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option(help="Also write the report to this JSON file, and a page beside."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only the verdict.")] = False,
) -> None:
    """Compare a model with the current one on the same sentences: pass, fail, or not enough to say.

    Exits with 0, 1 or 2. Nothing is promoted: `parley models promote` does that.
    """
    from bot.project.cache import cache_folder
    from bot.project.load import load_project
    from nlu.registry import Registry
    from training.gate.gate import run_gate
    from training.gate.recipe import FILE, load_gate_recipe
    from training.gate.sentences import sentences_for

    with told():
        log_errors_only(project)
        registry = Registry(models or project / "models")
        chosen = version or registry.candidate()
        current = against or registry.current()
        if current is None:
            raise NotFound(f"{registry.root} holds no current model to compare with.")
        if chosen is None:
            raise NotFound(f"{registry.root} has no candidate; name a version.")
        if chosen == current:
            raise SettingsError(f"{chosen} is the current model: there is nothing to compare.")
        own = project / FILE
        numbers = load_gate_recipe(recipe or (own if own.is_file() else None))
        read = load_project(project, cache=cache_folder())
        found = run_gate(
            read,
            registry,
            chosen,
            current,
            sentences_for(read, registry, chosen, current, nlu),
            numbers,
            seeds=seed or (),
            arguments=() if conversations else None,
            report=_silent if quiet or json else _say,
        )
        _tell(found, out, json=json, quiet=quiet)
    raise typer.Exit({"pass": 0, "fail": FAILED, "open": OPEN}[found.verdict])


def log_errors_only(project: Path) -> None:
    """A candidate is made of other data than the files: no news here."""
    from bot.settings import load_settings
    from bot.telemetry import start_logging

    start_logging(load_settings(project=project).model_copy(update={"log_level": "ERROR"}))


def _tell(report: GateReport, out: Path | None, *, json: bool, quiet: bool) -> None:
    import msgspec

    from training.gate.page import page

    written = msgspec.json.format(msgspec.json.encode(report), indent=1)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(written + b"\n")
        out.with_suffix(".html").write_text(page(report), "utf-8")
    if json:
        typer.echo(written)
        return
    show(report, quiet=quiet)


def show(report: GateReport, *, quiet: bool = False) -> None:
    """The report for a person at a terminal."""
    words = {"pass": "passes", "fail": "FAILS", "open": "not enough evidence"}
    typer.echo(f"{report.candidate} against {report.current}: {words[report.verdict]}")
    for check in () if quiet else report.checks:
        mark = {"pass": "ok  ", "fail": "FAIL", "open": "?   "}[check.verdict]
        typer.echo(f"  {mark} {check.name}: {check.says}")
    labels = report.labels
    for name, names in (
        ("intents added", labels.intents_added),
        ("intents gone", labels.intents_gone),
        ("entities added", labels.entities_added),
        ("entities gone", labels.entities_gone),
    ):
        if names and not quiet:
            typer.echo(f"  {name}: {', '.join(names)}")


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _silent(line: str) -> None:
    pass
