"""`parley export`: what was said, out of the log. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bot.commands import options
from bot.commands.output import written
from bot.commands.recorded import record

app = typer.Typer(help="Conversations out of the log.", no_args_is_help=True)

Conversation = Annotated[
    list[str] | None,
    typer.Option("--conversation", help="Its id; several: again. Default: all."),
]
Since = Annotated[
    str | None,
    typer.Option(help="Only conversations that went on since: 2026-01-31, 2026-01-31T12:00."),
]
AllSessions = Annotated[
    bool, typer.Option("--all-sessions", help="Not only the latest session of each.")
]
Out = Annotated[Path | None, typer.Option(help="File to write. Default: the terminal.")]
Purpose = Annotated[
    Literal["tests", "training"],
    typer.Option(
        "--for",
        help="`tests`: every message with its text, as `parley test` runs them; `training`: "
        "intents and entities, without what was taken back.",
    ),
]


@app.command()
def stories(
    project: options.Project = Path(),
    conversation: Conversation = None,
    since: Since = None,
    all_sessions: AllSessions = False,
    purpose: Purpose = "tests",
    out: Out = None,
    domain: options.Domain = None,
    data: options.Data = None,
    config: options.Config = None,
    endpoints: options.Endpoints = None,
) -> None:
    """Write conversations as stories in Rasa's YAML, a story for each session."""
    import asyncio

    from bot.export import Wanted, open_source, time_of, write_stories_of

    wanted = Wanted(conversation or (), time_of(since), all_sessions)
    source = open_source(project, options.paths_of(domain, data, config, endpoints))
    record(source.url, "export.stories", wanted.ids, since=since)
    with written(out, private=True) as file:
        asyncio.run(write_stories_of(source, wanted, file, purpose=purpose))


@app.command()
def tracker(
    project: options.Project = Path(),
    conversation: Conversation = None,
    since: Since = None,
    all_sessions: AllSessions = False,
    out: Out = None,
    domain: options.Domain = None,
    data: options.Data = None,
    config: options.Config = None,
    endpoints: options.Endpoints = None,
) -> None:
    """Write conversations as GET /conversations/ID/tracker shows them.

    One that is named is written to be read; more are a line of JSON each.
    """
    import asyncio

    from bot.export import Wanted, open_source, time_of, write_trackers

    wanted = Wanted(conversation or (), time_of(since), all_sessions)
    source = open_source(project, options.paths_of(domain, data, config, endpoints))
    record(source.url, "export.tracker", wanted.ids, since=since)
    with written(out, private=True) as file:
        asyncio.run(write_trackers(source, wanted, file))
