"""`parley review`: labels for what users wrote. Imports nothing heavy."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import options
from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.export import Source
    from bot.review.item import ReviewItem

app = typer.Typer(invoke_without_command=True)

Who = Annotated[
    str | None,
    typer.Option("--reviewer", help="Your name. Default: what this machine calls you."),
]


@app.callback()
def review(
    context: typer.Context,
    project: options.Project = Path(),
    reviewer: Who = None,
    miner: Annotated[
        str | None, typer.Option(help="Only what it proposed: `low_margin`, `new_intent`, …")
    ] = None,
    group: Annotated[str | None, typer.Option(help="Only these near-duplicates.")] = None,
    disputed: Annotated[
        bool, typer.Option("--disputed", help="Only what people contradict each other on.")
    ] = False,
    endpoints: options.Endpoints = None,
) -> None:
    """Labels for what users wrote, by people: what waits, a key for each sentence.

    Any other key shows the keys.
    """
    if context.invoked_subcommand is not None:
        return
    import asyncio

    from rich.console import Console

    from bot.commands.keys import keys
    from bot.commands.reviewing import Reviewing
    from bot.review.desk import names_of
    from bot.review.store import Filter
    from bot.store.reviews import open_reviews

    source = _source(project, endpoints)
    wanted = Filter("open", miner, group, disputed=True if disputed else None)

    async def run() -> int:
        with keys() as pressed:
            async with open_reviews(source.url) as reviews:
                names = names_of(source.project.domain)
                console = Console(highlight=False)
                who = reviewer or getpass.getuser()
                return await Reviewing(reviews, names, who, wanted, console, pressed).run()

    typer.echo(f"{asyncio.run(run())} labelled. `parley review export` puts them into the project.")


@app.command()
def export(
    project: options.Project = Path(),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the difference; change nothing.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write labels into this file instead, as Rasa's NLU YAML."),
    ] = None,
    endpoints: options.Endpoints = None,
) -> None:
    """Merge people's labels into the project's NLU files, which stay as they are otherwise."""
    import asyncio

    from bot.commands.output import written
    from bot.project.project import NluData
    from bot.review import exchange
    from bot.review.desk import names_of
    from bot.review.merge import merge
    from bot.review.store import Filter
    from bot.store.reviews import open_reviews

    source = _source(project, endpoints)
    names = names_of(source.project.domain)

    async def decided() -> list[ReviewItem]:
        async with open_reviews(source.url) as reviews:
            return await exchange.every(reviews, Filter(state="decided"))

    items = asyncio.run(decided())
    data, files = source.project.nlu, exchange.files_of(project, source.project)
    if out:
        data, files = NluData(), {}
    merged = merge(items, data, names, files)
    for sentence in (*merged.left_out, *exchange.stale_of(items, names)):
        typer.echo(f"left out: {sentence}", err=True)
    if dry_run:
        typer.echo(exchange.difference(project, merged.files), nl=False)
    elif out:
        with written(out) as file:
            file.write(next(iter(merged.files.values()), ""))
    else:
        exchange.write_files(project, merged.files)
    told = f"{merged.added} examples added, {merged.moved} moved, in {len(merged.files)} files."
    typer.echo(told, err=dry_run)
    if merged.new_intents:
        for sentence in exchange.to_add(merged.new_intents):
            typer.echo(sentence, err=dry_run)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Rasa NLU YAML.", show_default=False)],
    project: options.Project = Path(),
    reviewer: Who = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be taken in; take nothing in.")
    ] = False,
    endpoints: options.Endpoints = None,
) -> None:
    """Take in what somebody labelled elsewhere, as this reviewer's labels."""
    import asyncio
    import time

    from bot.project.convert import read_nlu
    from bot.project.report import Report
    from bot.review.desk import names_of
    from bot.review.exchange import take_in
    from bot.store.reviews import open_reviews

    source = _source(project, endpoints)
    report = Report()
    examples = read_nlu([file], report).examples
    report.raise_first_error()
    if dry_run:
        typer.echo(f"{file}: {len(examples)} labels.")
        return

    async def take() -> str:
        async with open_reviews(source.url) as reviews:
            found = await take_in(
                reviews,
                examples,
                names_of(source.project.domain),
                reviewer=reviewer or getpass.getuser(),
                at=time.time(),
            )
        return f"{found['labelled']} items labelled, {found['new']} new."

    typer.echo(f"{file}: {asyncio.run(take())}")


def _source(project: Path, endpoints: Path | None) -> Source:
    from bot.export import open_source
    from bot.store.reviews import make_ready

    source = open_source(project, options.paths_of(None, None, None, endpoints))
    if not source.project.domain.intents:
        raise SettingsError(f"{project} has no intents, so there is nothing to label with.")
    make_ready(source.url)
    return source
