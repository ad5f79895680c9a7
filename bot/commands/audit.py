"""`parley audit`: who did what. Imports nothing heavy."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bot.commands import options
from bot.errors import SettingsError

app = typer.Typer(
    help="Who did what, in a log that shows when it was changed.", no_args_is_help=True
)

Anchors = Annotated[
    list[str] | None,
    typer.Option(
        "--anchor", help="NUMBER:HASH as `parley audit anchor` wrote it once; several: again."
    ),
]


@app.command("list")
def list_(
    project: options.Project = Path(),
    conversation: Annotated[str | None, typer.Option(help="Only about this conversation.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this person or user did.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this, or all that begins so: `handoff.`")
    ] = None,
    since: Annotated[str | None, typer.Option(help="2026-01-31, 2026-01-31T12:00.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only rows after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the oldest.")] = 100,
    format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="`json`: a line of JSON each.")
    ] = "text",
    endpoints: options.Endpoints = None,
) -> None:
    """Show who did what. A conversation that was erased has no name here any more."""
    import asyncio

    from bot.export import time_of, url_of
    from bot.store.audits import Wanted, as_told, open_audit

    url = url_of(project, endpoints)
    wanted = Wanted(conversation, actor, action, time_of(since), after)

    async def rows() -> list[dict[str, Any]]:
        async with open_audit(url) as audit:
            if conversation is not None and await audit.subject(conversation) is None:
                return []
            return [as_told(row) for row in await audit.rows(wanted, limit=limit)]

    found = asyncio.run(rows())
    for row in found:
        typer.echo(json.dumps(row, ensure_ascii=False) if format == "json" else _line(row))
    if format == "text":
        typer.echo(f"{len(found)} rows" + (", or more" if len(found) == limit else ""))


@app.command()
def verify(
    project: options.Project = Path(),
    anchor: Anchors = None,
    endpoints: options.Endpoints = None,
) -> None:
    """Check that no row was changed, removed or moved. Ends with 1 when one was.

    Who can write to the database can make a whole new log; an anchor that was kept elsewhere shows
    that too.
    """
    import asyncio

    from bot.export import url_of
    from bot.store.audits import Verdict, anchor_of, open_audit, shown

    url = url_of(project, endpoints)
    try:
        anchors = [anchor_of(each) for each in anchor or ()]
    except ValueError as error:
        raise SettingsError("--anchor: give NUMBER:HASH as `parley audit anchor` does.") from error

    async def whole() -> Verdict:
        async with open_audit(url) as audit:
            return await audit.verify(anchors)

    verdict = asyncio.run(whole())
    for each in verdict.broken:
        typer.echo(f"row {each.number} {each.problem}")
    state = "broken" if verdict.broken else "whole"
    typer.echo(f"{verdict.rows} rows, {state}; the last is {shown(verdict.head)}")
    raise typer.Exit(1 if verdict.broken else 0)


@app.command()
def anchor(project: options.Project = Path(), endpoints: options.Endpoints = None) -> None:
    """Write the last row's number and hash, to keep where the database's owner cannot write."""
    import asyncio

    from bot.export import url_of
    from bot.store.audits import open_audit, shown

    url = url_of(project, endpoints)

    async def head() -> str:
        async with open_audit(url) as audit:
            return shown(await audit.head())

    typer.echo(asyncio.run(head()))


def _line(row: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(row["at"], UTC).isoformat(timespec="milliseconds")
    who = " ".join(filter(None, (row["kind"], row["actor"], row["role"] and f"({row['role']})")))
    facts = " ".join(f"{name}={value}" for name, value in row["facts"].items())
    about = f"  conversation {row['subject']}" if row["subject"] else ""
    return f"{row['number']}  {at}  {who}  {row['action']}  {row['outcome']}{about}  {facts}"
