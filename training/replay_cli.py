"""`parley models replay`: the log done again with the models it names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import options
from training.models_cli import Json, places_of
from training.terminal import counting, told

if TYPE_CHECKING:
    from bot.testing.replaying import Replayed

SHOWN = 20  # differences; all are in the JSON


def replay(
    context: typer.Context,
    conversation: Annotated[
        list[str] | None, typer.Argument(help="Default: all.", show_default=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only what went on after: 2026-01-31, or with a time.")
    ] = None,
    bound: Annotated[
        float,
        typer.Option(min=0, max=1, help="How far confidences may lie apart."),
    ] = 1e-4,
    project: options.Project = Path(),
    models: options.Models = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress: for logs.")] = False,
) -> None:
    """Do logged turns again with the models they name, and tell what is otherwise now.

    Decides, acts and fills slots anew from the recorded parse, which must give the same events to
    the last bit; understands the texts anew, which must give the same labels. What the action
    server and a response server answered is taken from the log. Exit code: 1 where something is
    otherwise that no change of the project explains.
    """
    import asyncio
    import logging

    import msgspec

    from bot.export import time_of
    from bot.project.cache import cache_folder
    from bot.project.load import load_project
    from bot.testing.replaying import Wanted, replay_log
    from training.testing import settings_for

    with told():
        folder, registry = places_of(context, project, models)
        read = load_project(folder, cache=cache_folder())
        settings = settings_for(folder, options.paths_of(), model=None, models=registry, nlu=None)
        settings = settings.completed(read.endpoints)
        logging.getLogger("bot").setLevel(logging.CRITICAL)  # what failed then fails again
        wanted = Wanted(tuple(conversation or ()), time_of(since), bound)
        with counting("conversations", quiet=quiet) as watch:
            found = asyncio.run(replay_log(settings, read, settings.sql_url, wanted, watch=watch))
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        _tell(found, bound)
    if found.broken:
        raise typer.Exit(1)


def _tell(found: Replayed, bound: float) -> None:
    typer.echo(
        f"{found.conversations} conversations, {found.turns} turns, {found.steps} steps; "
        f"{found.parses} texts understood again, confidences up to {found.apart:.2g} apart "
        f"(bound {bound:g})."
    )
    for why, count in sorted(found.skipped.items()):
        typer.echo(f"  not understood again: {count} {why}")
    if found.others:
        typer.echo(
            f"  {found.others} events of no turn, such as an agent's, were taken as they are"
        )
    if found.stale:
        typer.echo(
            f"  {found.stale} turns are of another version of the project, or of a policy model "
            "that is gone: what they do now is today's"
        )
    if not found.differing:
        typer.echo("All as recorded.")
        return
    typer.echo(f"{found.differing} differences, {found.broken} of them not explained by a change:")
    for each in found.differences[:SHOWN]:
        why = " (the project changed)" if each.is_stale else ""
        typer.echo(f"  {each.conversation_id} event {each.seq}, {each.part}{why}")
        typer.echo(f"    was {each.recorded}\n    is  {each.now}")
    if found.differing > SHOWN:
        typer.echo(f"  and {found.differing - SHOWN} more: --json")
