"""`parley outbox`: replies on their way, and those that were given up. Imports nothing heavy."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bot.audit import MOST_CHARS
from bot.commands import options
from bot.commands.recorded import record
from bot.errors import SettingsError

app = typer.Typer(help="Replies on their way, and those that were given up.", no_args_is_help=True)


class State(StrEnum):
    """Of a reply in the outbox."""

    waiting = "waiting"
    failed = "failed"
    unknown = "unknown"
    missed = "missed"
    withdrawn = "withdrawn"
    sent = "sent"


States = Annotated[
    list[State] | None,
    typer.Option(
        "--state",
        help="Several: again. `failed`: refused, or not taken for hours; `unknown`: it may have "
        "arrived; `missed`: nobody was connected; `withdrawn`: a person took over.",
    ),
]
Channel = Annotated[str | None, typer.Option(help="Only of this channel.")]


@app.command("list")
def list_(
    project: options.Project = Path(),
    state: States = None,
    channel: Channel = None,
    conversation: Annotated[str | None, typer.Option(help="Only of this conversation.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the oldest.")] = 100,
    format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="How to write them.")
    ] = "text",
    endpoints: options.Endpoints = None,
) -> None:
    """Show replies that wait or were given up; nothing else unless --state names it."""
    import asyncio

    from bot.export import url_of
    from bot.outbox import GIVEN_UP, listed

    url = url_of(project, endpoints)
    states = [str(each) for each in state] if state else ["waiting", *GIVEN_UP]
    record(url, "outbox.list", [conversation] if conversation else ())
    wanted = listed(url, states=states, channel=channel, conversation_id=conversation, limit=limit)
    found = asyncio.run(wanted)
    if format == "json":
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        for each in found:
            typer.echo(_line(each))
        typer.echo(f"{len(found)} replies" + (", or more" if len(found) == limit else ""))


@app.command()
def resend(
    ids: Annotated[list[int] | None, typer.Argument(help="Their numbers, as listed.")] = None,
    project: options.Project = Path(),
    state: States = None,
    channel: Channel = None,
    endpoints: options.Endpoints = None,
) -> None:
    """Send given-up replies again: those named, or all in a --state (failed, unknown).

    What is `unknown` may have arrived; its reader then has it twice.
    """
    import asyncio

    from bot.export import url_of
    from bot.outbox import GIVEN_UP, sent_again

    states = [str(each) for each in state or ()]
    if bool(ids) == bool(states):
        raise SettingsError("Name either the numbers of replies, or a --state to send again.")
    if wrong := [each for each in states if each not in GIVEN_UP]:
        raise SettingsError(f"--state {wrong[0]}: only failed and unknown replies were given up.")
    url = url_of(project, endpoints)
    named = ",".join(map(str, ids or states))[:MOST_CHARS]
    record(url, "outbox.resend", what=named)
    done = asyncio.run(sent_again(url, ids or (), states=states, channel=channel))
    if left := [each for each in ids or () if each not in done]:
        named = ", ".join(map(str, left))
        raise SettingsError(f"Not given up, or not there: {named}. {len(done)} wait to be sent.")
    typer.echo(f"{len(done)} replies wait to be sent by a running server")


def _line(each: dict[str, Any]) -> str:
    said = json.dumps(each["reply"], ensure_ascii=False)
    why = f"  {each['error']}" if each["error"] else ""
    return (
        f"{each['id']}  {each['state']}  {each['recorded']}  {each['channel']}  "
        f"{each['conversation']}  tries {each['tries']}{why}\n  {said[:300]}"
    )
