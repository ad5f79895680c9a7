"""`parley privacy`: what is held of a user, and taking it away. Imports nothing heavy."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands import options
from bot.commands.output import written
from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.privacy.holders import Places
    from bot.settings import Settings

app = typer.Typer(help="What is held of a user, and taking it away.", no_args_is_help=True)

User = Annotated[
    str,
    typer.Argument(help="A conversation's id: the sender of REST, `web:…`, `telegram:…`."),
]
AllChannels = Annotated[
    bool,
    typer.Option("--all-channels", help="Also conversations whose id ends in `:USER`."),
]


@app.command()
def export(
    user: User,
    project: options.Project = Path(),
    all_channels: AllChannels = False,
    out: Annotated[Path | None, typer.Option(help="File to write. Default: the terminal.")] = None,
    endpoints: options.Endpoints = None,
) -> None:
    """Write all that is held of USER as JSON: log, messages, replies, reminders, review items, and
    who looked at it."""
    from bot.audit import at_terminal
    from bot.privacy.requests import exported
    from bot.store.audits import SqlAudit

    async def work(places: Places) -> dict[str, Any]:
        audit = SqlAudit(places.database)
        return await exported(user, places, audit, at_terminal(), all_channels=all_channels)

    found = _done(project, endpoints, work)
    with written(out, private=True) as file:
        file.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")


@app.command()
def erase(
    user: User,
    project: options.Project = Path(),
    all_channels: AllChannels = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is held, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    receipt: Annotated[
        Path | None, typer.Option(help="File for the receipt. Default: the terminal.")
    ] = None,
    endpoints: options.Endpoints = None,
) -> None:
    """Take away all that is held of USER, for ever, and write a receipt without texts.

    Servers may run meanwhile: a turn in flight cannot write anything back. What could not be
    reached, or is damaged, is named at the end, and the command ends with 1: ask again then.
    Backups, what an event broker was given, and sentences that `parley review export` wrote into
    the project's files are yours.
    """
    from bot.audit import at_terminal
    from bot.privacy.requests import counted, erased
    from bot.store.audits import SqlAudit

    async def count(places: Places) -> dict[str, Any]:
        return await counted(user, places, all_channels=all_channels)

    async def work(places: Places) -> dict[str, Any]:
        audit = SqlAudit(places.database)
        return await erased(user, places, audit, at_terminal(), all_channels=all_channels)

    if dry_run or not yes:
        found = _done(project, endpoints, count)
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    if dry_run:
        return
    if not yes and not typer.confirm("Erase all of it for ever?"):
        raise typer.Exit(1)
    done = _done(project, endpoints, work)
    with written(receipt) as file:
        file.write(json.dumps(done, ensure_ascii=False, indent=1) + "\n")
    for place, why in done["not_reached"].items():
        typer.echo(f"NOT ERASED from {place}: {why}", err=True)
    raise typer.Exit(1 if done["not_reached"] else 0)


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Such as the month: 2026-11.")],
) -> None:
    """Write a new key for PARLEY_ENCRYPTION_KEYS; it is kept nowhere else."""
    from bot.store.sealing import new_key

    typer.echo(new_key(name))


@app.command()
def rekey(
    project: options.Project = Path(),
    decrypt: Annotated[
        bool, typer.Option("--decrypt", help="Store everything unencrypted instead.")
    ] = False,
    endpoints: options.Endpoints = None,
) -> None:
    """Encrypt everything that is stored with the first of PARLEY_ENCRYPTION_KEYS: what is in SQL,
    turns that were read to learn from, and versions of the training data.

    Servers may run meanwhile, when they have the new key already. Safe to break off and repeat.
    """
    from bot.audit import BEGUN, DONE, Deed, Fact, at_terminal
    from bot.privacy.holders import holders
    from bot.store import rekeying
    from bot.store.audits import SqlAudit

    async def work(places: Places) -> dict[str, Any]:
        audit, database = SqlAudit(places.database), places.database
        if not database.seal.key_id and not decrypt:
            raise SettingsError("PARLEY_ENCRYPTION_KEYS names no key; see `parley privacy key`.")
        facts: dict[str, Fact] = {"key": "" if decrypt else database.seal.key_id}
        begun = await audit.record(Deed(at_terminal(), "privacy.rekey", BEGUN, facts=facts))
        changed = 0
        with typer.progressbar(length=await rekeying.count(database), label="texts") as bar:
            for _, holder in holders(places):
                changed += await holder.rekey(decrypt=decrypt, told=bar.update)
        ended: dict[str, Fact] = {**facts, "of": begun, "changed": changed}
        await audit.record(Deed(at_terminal(), "privacy.rekey", DONE, facts=ended))
        return ended

    done = _done(project, endpoints, work)
    typer.echo(f"{done['changed']} texts changed, key {done['key'] or 'none'}")


def _done(
    project: Path,
    endpoints: Path | None,
    work: Callable[[Places], Awaitable[dict[str, Any]]],
) -> dict[str, Any]:
    """What ``work`` gives for the places of the project. Raises ParleyError."""
    import asyncio

    from bot.privacy.holders import open_places
    from bot.store import schema

    settings, prefix = _settings(project, endpoints)

    async def whole() -> dict[str, Any]:
        await schema.check(settings.sql_url)
        async with open_places(settings, prefix=prefix) as places:
            return await work(places)

    return asyncio.run(whole())


def _settings(project: Path, endpoints: Path | None) -> tuple[Settings, str]:
    """The settings, with the Redis that `parley run` started where none is named, and the prefix
    of the keys there."""
    from bot.children import redis
    from bot.project.load import load_endpoints
    from bot.project.paths import ProjectPaths
    from bot.rasa_stores import redis_prefix
    from bot.settings import load_settings

    settings = load_settings(project=project)
    found = load_endpoints(project, paths=ProjectPaths(endpoints=endpoints))
    settings = settings.completed(found)
    if settings.redis_url is None:
        url = redis.running_in(settings.home)
        if url is None and (settings.home / "redis").exists():
            raise SettingsError(
                f"The Redis of `parley run` does not run, and its file in {settings.home}/redis "
                "may hold what is asked for. Start `parley run`, or delete that folder: it is made "
                "anew from SQL."
            )
        settings = settings.model_copy(update={"redis_url": url})
    return settings, redis_prefix(found)
