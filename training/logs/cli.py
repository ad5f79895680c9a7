"""`parley logs`: what people wrote, out of logs, scrubbed. Imports nothing heavy."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import options
from bot.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from bot.settings import Settings
    from bot.store.shelf import Shelf
    from training.logs.engine import Engine, Read
    from training.logs.reading import Part
    from training.logs.rows import Fields


class Where(StrEnum):
    """Where the log is read."""

    LOCAL = "local"
    RAY = "ray"


class Form(StrEnum):
    """What a file's rows are."""

    RASA = "rasa"
    JSONL = "jsonl"
    CSV = "csv"


app = typer.Typer(
    help="What people wrote, out of logs: read, scrubbed, mined for what is worth a label.",
    no_args_is_help=True,
)
EngineOption = Annotated[
    Where,
    typer.Option(help="`ray`: on a Ray cluster, or this machine's cores; needs the extra `ray`."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress: for logs.")]
Origin = Annotated[
    str | None,
    typer.Option(help="Name of what is imported. Default: that of the file.", show_default=False),
]


@app.command()
def read(
    project: options.Project = Path(),
    engine: EngineOption = Where.LOCAL,
    settled: Annotated[
        float,
        typer.Option(
            min=0, help="Minutes of silence after which a conversation's last turn is whole."
        ),
    ] = 15.0,
    quiet: Quiet = False,
    endpoints: options.Endpoints = None,
) -> None:
    """Read what is new in Parley's own log."""
    import time
    from functools import partial

    from bot.review.item import LOG
    from bot.review.scrubbing import rules_of
    from training.logs.databases import check_log, finish, pages

    settings = settings_of(project, endpoints)
    check_log(settings.sql_url, "parley")
    now, origin = time.time(), LOG
    with _shelf(settings) as shelf:
        mine = partial(pages, settings.sql_url, "parley", shelf, rules_of(settings))
        new = partial(mine, origin=origin, now=now, settled_s=60 * settled)
        total = _read(new(), shelf, engine.value, quiet=quiet)
        # Who was erased while he was read is seen to have fewer events, and leaves the shelf.
        _read(new(), shelf, engine.value, quiet=True)
        finish(shelf, origin=origin, now=now, settled_s=60 * settled)
        _tell(str(project), origin, total, shelf)


@app.command("import")
def import_(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Files, also .gz; or the SQLAlchemy URL of a tracker store that Rasa keeps in "
            "SQL.",
            show_default=False,
        ),
    ],
    form: Annotated[
        Form,
        typer.Option(
            "--format",
            help="Of files. `rasa`: tracker events, a JSON line each; `jsonl`, `csv`: an "
            "utterance, or a whole dialogue, a row. The fields are in docs/learning.md.",
        ),
    ] = Form.JSONL,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            help="What a field is called there, as text=utterance; several: again. "
            "users and agents name speakers, several after commas.",
        ),
    ] = None,
    origin: Origin = None,
    project: options.Project = Path(),
    engine: EngineOption = Where.LOCAL,
    parts: Annotated[
        int, typer.Option(min=1, max=1000, help="In how many parts Ray reads a file.")
    ] = 8,
    quiet: Quiet = False,
    endpoints: options.Endpoints = None,
) -> None:
    """Read conversations of other bots, or of people; only what is new."""
    import time

    from bot.review.scrubbing import rules_of
    from training.logs.databases import check_log, pages
    from training.logs.files import LogFile, fingerprint

    fields = _fields(field or [])
    settings = settings_of(project, endpoints)
    rules, parts = rules_of(settings), parts if engine is Where.RAY else 1
    with _shelf(settings) as shelf:
        for source in sources:
            if "://" in source:
                check_log(source, "rasa")
                name = _origin(origin or "rasa")
                found = pages(source, "rasa", shelf, rules, origin=name, now=time.time())
                _tell(name, name, _read(found, shelf, engine.value, quiet=quiet), shelf)
                continue
            file = Path(source)
            name = _origin(origin or file.name)
            mark, found_print = f"file:{name}:{file.name}", fingerprint(file, rules, fields)
            if shelf.mark(mark) == found_print:
                typer.echo(f"{file}: nothing new.")
                continue
            share = [LogFile(file, form.value, name, rules, fields, n, parts) for n in range(parts)]
            total = _read(share, shelf, engine.value, quiet=quiet)
            shelf.set_mark(mark, found_print)
            _tell(source, name, total, shelf)


@app.command()
def mine(
    budget: Annotated[
        int, typer.Option(min=1, help="How many sentences people are asked to look at.")
    ] = 100,
    project: options.Project = Path(),
    models: options.Models = None,
    candidate: Annotated[
        str | None,
        typer.Option(help="Version of a model: where it disagrees with the current one counts."),
    ] = None,
    random: Annotated[
        float, typer.Option(min=0, max=1, help="Part of the budget drawn at random.")
    ] = 0.2,
    suspects: Annotated[
        float,
        typer.Option(min=0, max=1, help="Part for examples of the project that look mislabelled."),
    ] = 0.3,
    most: Annotated[
        int, typer.Option(min=1, help="Turns that are looked through, the newest.")
    ] = 20_000,
    waiting: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="So many wait at most: stay, and choose the next by what people answer.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn at random.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be proposed; propose nothing.")
    ] = False,
    quiet: Quiet = False,
    endpoints: options.Endpoints = None,
) -> None:
    """Propose the turns, and the examples, that are most worth a person's look."""
    from training.mining.budget import Split
    from training.mining.run import Wanted, run
    from training.terminal import told

    if random + suspects > 1:
        raise SettingsError("--random and --suspects are parts of the budget: together at most 1.")
    split = Split(random, 1 - random - suspects, suspects)
    wanted = Wanted(budget, split, most, seed, candidate, dry_run, waiting)
    with told():
        run(project, models or project / "models", wanted, endpoints, quiet=quiet)


@app.command()
def show(project: options.Project = Path(), endpoints: options.Endpoints = None) -> None:
    """How many turns there are, and which rows could not be used."""
    with _shelf(settings_of(project, endpoints)) as shelf:
        for origin, turns in sorted(shelf.counts().items()):
            typer.echo(f"{origin}: {turns} turns")
        for row in shelf.bad():
            place = f", conversation {row.conversation_id}" if row.conversation_id else ""
            typer.echo(f"{row.origin}:{row.line}{place}: {row.why}")


def _origin(name: str) -> str:
    from bot.review.item import LOG

    if name == LOG or ":" in name or name[:1].isdecimal():
        raise SettingsError(
            f"--origin {name}: give a name without a colon that begins with no digit; {LOG!r} is "
            "Parley's own log."
        )
    return name


def settings_of(project: Path, endpoints: Path | None) -> Settings:
    """The settings, completed by the project's endpoints."""
    from bot.project.cache import cache_folder
    from bot.project.load import load_project
    from bot.settings import load_settings

    paths = options.paths_of(None, None, None, endpoints)
    settings = load_settings(project=project)
    return settings.completed(load_project(project, paths=paths, cache=cache_folder()).endpoints)


def _shelf(settings: Settings) -> AbstractContextManager[Shelf]:
    from bot.store.shelf import open_shelf, shelf_file

    return open_shelf(shelf_file(settings))


def _fields(given: list[str]) -> Fields:
    import dataclasses

    from training.logs.rows import Fields

    known = {each.name for each in dataclasses.fields(Fields)}
    named: dict[str, str | tuple[str, ...]] = {}
    for one in given:
        name, equals, path = one.partition("=")
        if not equals or name not in known:
            raise SettingsError(
                f"--field {one}: give name=path; names are {', '.join(sorted(known))}."
            )
        named[name] = tuple(path.split(",")) if name in ("users", "agents") else path
    return Fields(**named)  # type: ignore[arg-type]


def _read(parts: Iterable[Part], shelf: Shelf, engine: Engine, *, quiet: bool) -> Read:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from training.logs.engine import read_parts

    console = Console(stderr=True, highlight=False)
    if quiet or not console.is_terminal:
        return read_parts(parts, shelf, engine=engine)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading")

        def watch(read: Read) -> None:
            bar.update(task, description=f"{read.events:,} events, {read.turns:,} new turns")

        return read_parts(parts, shelf, engine=engine, watch=watch)


def _tell(what: str, origin: str, total: Read, shelf: Shelf) -> None:
    typer.echo(f"{what}: {total.events} events, {total.turns} new turns, {total.bad} bad rows.")
    if total.bad:
        first = shelf.bad(origin)[0]
        typer.echo(f"  {first.origin}:{first.line}: {first.why}")
        typer.echo("  `parley logs show` lists them all.")
