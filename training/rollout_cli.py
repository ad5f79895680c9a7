"""`parley models shadow | canary | rollout`: a version is tried on live traffic, or no longer."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import options
from bot.errors import NotFound
from training import models_cli
from training.models_cli import By, Reason, manifest_of, places_of, record, registry_of
from training.terminal import told

if TYPE_CHECKING:
    from nlu.registry import Registry
    from nlu.rollout import Rollout

app = models_cli.app  # these are commands of `parley models` like those there

Tried = Annotated[
    str | None,
    typer.Argument(help="As `list` shows it. Default: the candidate.", show_default=False),
]


@app.command("shadow")
def shadow(
    context: typer.Context,
    version: Tried = None,
    project: options.Project = Path(),
    models: options.Models = None,
) -> None:
    """Have running servers let a version read along: it answers nobody, and is compared."""
    with told():
        registry = registry_of(context, project, models)
        chosen = _chosen(registry, version)
        record(context, project, "models.shadow", {"version": chosen})
        _begin(registry, chosen, share=0.0)
        typer.echo(f"{chosen} reads along from now on. See how it does: parley models rollout")


@app.command("canary")
def canary(
    context: typer.Context,
    version: Tried = None,
    project: options.Project = Path(),
    models: options.Models = None,
    percent: Annotated[
        float, typer.Option(min=0.1, max=99, help="Of the conversations; each keeps its model.")
    ] = 10.0,
    by: By = None,
    reason: Reason = None,
) -> None:
    """Have running servers answer a share of the conversations with a version.

    It is called back when more of them than of the others meet a fallback, or a turn that breaks.
    One that the gate did not let pass asks for a name and a reason, as `promote` does.
    """
    from training.promotion import permission

    with told():
        registry = registry_of(context, project, models)
        chosen = _chosen(registry, version)
        allowed = permission(registry, chosen, by=by, reason=reason)
        record(context, project, "models.canary", {**allowed.facts, "percent": percent})
        _begin(registry, chosen, share=percent / 100)
        typer.echo(f"{chosen} answers {percent:g} % of the conversations from now on.")


@app.command("rollout")
def rollout(
    context: typer.Context,
    project: options.Project = Path(),
    models: options.Models = None,
    stop: Annotated[bool, typer.Option("--stop", help="Try it no longer.")] = False,
) -> None:
    """How the version that is tried does."""
    with told():
        registry = registry_of(context, project, models)
        tried = registry.rollout()
        if tried is None:
            typer.echo("No version is tried. Begin with `parley models shadow` or `canary`.")
            return
        for line in _lines(tried, _counts(context, project, tried)):
            typer.echo(line)
        if stop:
            record(context, project, "models.rollout.stop", {"version": tried.version})
            registry.end_rollout()
            typer.echo(f"{tried.version} is tried no longer.")


def _chosen(registry: Registry, version: str | None) -> str:
    chosen = version or registry.candidate()
    if chosen is None:
        raise NotFound(f"{registry.root} has no candidate; name a version.")
    manifest_of(registry, chosen)
    if chosen == registry.current():
        raise NotFound(f"{chosen} is current: it answers everybody already.")
    return chosen


def _begin(registry: Registry, version: str, *, share: float) -> None:
    from nlu.rollout import Rollout

    registry.roll_out(Rollout(version, share, round(time.time(), 3)))


def _counts(context: typer.Context, project: Path, tried: Rollout) -> dict[str, int]:
    from bot.export import open_source
    from bot.store import schema
    from bot.store.database import Database
    from bot.store.tallies import SqlTally

    url = open_source(places_of(context, project, None)[0], options.paths_of()).url

    async def read() -> dict[str, int]:
        await schema.check(url)
        database = Database(url)
        try:
            return await SqlTally(database).of(tried.name)
        finally:
            await database.close()

    return asyncio.run(read())


def _lines(tried: Rollout, counts: dict[str, int]) -> list[str]:
    from bot.model.rollout import share

    how = f"answers {tried.share:.1%} of the conversations" if tried.share else "reads along"
    begun = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(tried.since))
    lines = [f"{tried.version} {how} since {begun} UTC."]
    for arm in ("candidate", "current") if tried.share else ():
        part = share(counts, arm)
        rate = f" ({part.bad / part.all:.1%})" if part.all else ""
        lines.append(f"{arm:<9} {part.all} conversations, {part.bad}{rate} met a fallback or broke")
    same, other = counts.get("shadow same", 0), counts.get("shadow other", 0)
    agreed = f" ({same / (same + other):.1%})" if same + other else ""
    lines.append(f"of the texts it only read, {same} of {same + other}{agreed} had the same intent")
    missed = {name: counts.get(f"shadow {name}", 0) for name in ("dropped", "failed")}
    lines += [f"{many} texts {name}" for name, many in missed.items() if many]
    return lines
