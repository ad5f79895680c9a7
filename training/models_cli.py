"""`parley models`: the trained models of a project. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.commands import options
from bot.errors import NotFound
from training.terminal import told

if TYPE_CHECKING:
    from bot.audit import Fact
    from nlu.manifest import Manifest
    from nlu.registry import Registry

app = typer.Typer(help="The trained models of a project.", invoke_without_command=True)

Version = Annotated[str, typer.Argument(help="As `list` shows it.")]
By = Annotated[
    str | None, typer.Option(help="Who answers for it, where the gate does not let it pass.")
]
Reason = Annotated[str | None, typer.Option(help="Why, for the audit log.")]
Json = Annotated[bool, typer.Option("--json", help="Everything, as JSON.")]


@app.callback()
def models_default(
    context: typer.Context, project: options.Project = Path(), models: options.Models = None
) -> None:
    """The trained models of a project."""
    context.obj = (project, models)
    if context.invoked_subcommand is None:
        list_models(context)


@app.command("list")
def list_models(
    context: typer.Context, project: options.Project = Path(), models: options.Models = None
) -> None:
    """Every version, the oldest first; * marks the one that answers, + the candidate."""
    with told():
        registry = registry_of(context, project, models)
        versions = registry.versions()
        if not versions:
            typer.echo(f"{registry.root} holds no model yet. Run `parley train` first.")
        for name in versions:
            scores = registry.manifest(name).scores.get("int8", {})
            typer.echo(
                f"{_mark(registry, name)} {name}"
                f"  intents {scores.get('intent_accuracy', 0):.1%}"
                f"  entities F1 {scores.get('entity_f1', 0):.1%}"
                f"  on {scores.get('sentences', 0)} sentences"
                f"{_gate(registry, name)}{'  pinned' if name in registry.pinned() else ''}"
                f"{_erased(registry, name)}"
            )


@app.command("show")
def show_model(
    context: typer.Context,
    version: Version,
    project: options.Project = Path(),
    models: options.Models = None,
    json: Json = False,
) -> None:
    """Where a version comes from, what it knows, how it did at the gate."""
    import msgspec

    with told():
        registry = registry_of(context, project, models)
        manifest = manifest_of(registry, version)
        if json:
            typer.echo(msgspec.json.format(msgspec.json.encode(manifest)))
            return
        for name, value in _facts(manifest).items():
            typer.echo(f"{name:<10} {value}")
        typer.echo(f"{'gate':<10} {_gate(registry, version).strip() or 'not asked'}")
        if erased := _erased(registry, version).strip():
            typer.echo(f"{'erased':<10} {erased}")


@app.command("diff")
def diff_models(
    context: typer.Context,
    one: Version,
    other: Annotated[
        str | None, typer.Argument(help="Another. Default: the current.", show_default=False)
    ] = None,
    project: options.Project = Path(),
    models: options.Models = None,
) -> None:
    """What two versions do not have in common: labels, recipe, data, scores."""
    with told():
        registry = registry_of(context, project, models)
        against = other or registry.current()
        if against is None:
            raise NotFound(f"{registry.root} has no current model to compare with.")
        lines = _differences(registry, one, against)
        for line in lines or [f"{one} and {against} differ in nothing that is recorded."]:
            typer.echo(line)


@app.command("promote")
def promote(
    context: typer.Context,
    version: Annotated[
        str | None,
        typer.Argument(help="As `list` shows it. Default: the candidate.", show_default=False),
    ] = None,
    project: options.Project = Path(),
    models: options.Models = None,
    by: By = None,
    reason: Reason = None,
) -> None:
    """Make a version current that passed the gate; any other takes a name and a reason."""
    with told():
        registry = registry_of(context, project, models)
        chosen = version or registry.candidate()
        if chosen is None:
            raise NotFound(f"{registry.root} has no candidate; name a version.")
        _promote(context, project, registry, chosen, by=by, reason=reason)


@app.command("use")
def use_model(
    context: typer.Context,
    version: Version,
    project: options.Project = Path(),
    models: options.Models = None,
    by: By = None,
    reason: Reason = None,
) -> None:
    """Make a version the one that answers. One the gate did not let pass asks as `promote` does."""
    from training.gate.reports import kept

    with told():
        registry = registry_of(context, project, models)
        manifest_of(registry, version)
        report = kept(registry, version)
        if report is None or report.verdict == "pass" or version in registry.history():
            registry.use(version)
            typer.echo(f"{version} is current now.")
        else:
            _promote(context, project, registry, version, by=by, reason=reason)


@app.command("rollback")
def rollback(
    context: typer.Context,
    project: options.Project = Path(),
    models: options.Models = None,
    reason: Reason = None,
) -> None:
    """Make the version that was current before the current one again."""
    with told():
        registry = registry_of(context, project, models)
        before = registry.current() or ""
        now = registry.roll_back()
        facts: dict[str, Fact] = {"version": now, "previous": before}
        record(context, project, "models.rollback", facts | ({"reason": reason} if reason else {}))
        typer.echo(f"{now} is current again, instead of {before}.")


@app.command("pin")
def pin(
    context: typer.Context,
    version: Version,
    project: options.Project = Path(),
    models: options.Models = None,
    off: Annotated[bool, typer.Option("--off", help="No longer.")] = False,
) -> None:
    """Keep a version whatever `gc` removes."""
    with told():
        registry_of(context, project, models).pin(version, keep=not off)
        typer.echo(f"{version} is {'no longer ' if off else ''}pinned.")


@app.command("gc")
def collect(
    context: typer.Context,
    project: options.Project = Path(),
    models: options.Models = None,
    keep: Annotated[int, typer.Option(min=0, help="So many of the newest stay as well.")] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell.")] = False,
) -> None:
    """Remove versions that are not current, never were, and are neither candidate nor pinned."""
    import time

    with told():
        registry = registry_of(context, project, models)
        unused = registry.unused(keep=keep)
        for version in unused:
            if not dry_run:
                registry.remove(version)
            typer.echo(f"{version} {'would be' if dry_run else 'is'} removed")
        drafts = 0 if dry_run else registry.clear_drafts(time.time())
        kept = len(registry.versions()) - (len(unused) if dry_run else 0)
        typer.echo(f"{kept} versions stay" + (f"; {drafts} abandoned drafts gone" * bool(drafts)))


@app.command("push")
def push(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="A folder anywhere: s3://bucket/models, file:///…")],
    version: Annotated[
        str | None, typer.Option(help="Default: the current.", show_default=False)
    ] = None,
    project: options.Project = Path(),
    models: options.Models = None,
) -> None:
    """Copy a version into a registry elsewhere, and make it current there."""
    from training import remote

    with told():
        registry = registry_of(context, project, models)
        chosen = version or registry.current()
        if chosen is None:
            raise NotFound(f"{registry.root} holds no model yet. Run `parley train` first.")
        remote.push(registry, chosen, url)
        typer.echo(f"{chosen} is current at {url} now.")


@app.command("pull")
def pull(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="What `push` was given.")],
    version: Annotated[
        str | None, typer.Option(help="Default: the current one there.", show_default=False)
    ] = None,
    project: options.Project = Path(),
    models: options.Models = None,
) -> None:
    """Fetch a version from a registry elsewhere, check every file's hash, and make it current."""
    from training import remote

    with told():
        registry = registry_of(context, project, models)
        typer.echo(f"{remote.pull(registry, url, version)} is current now.")


def _promote(
    context: typer.Context,
    project: Path,
    registry: Registry,
    version: str,
    *,
    by: str | None,
    reason: str | None,
) -> None:
    from training.promotion import permission

    manifest_of(registry, version)
    allowed = permission(registry, version, by=by, reason=reason)
    # Recorded first: what cannot be recorded is not done.
    record(context, project, "models.promote", allowed.facts)
    registry.use(version)
    typer.echo(f"{version} is current now, instead of {allowed.previous or 'none'}.")


def record(context: typer.Context, project: Path, action: str, facts: Mapping[str, Fact]) -> None:
    from bot.export import open_source
    from bot.store.audits import record_at_terminal

    folder = places_of(context, project, None)[0]
    record_at_terminal(open_source(folder, options.paths_of()).url, action, facts=facts)


def _facts(manifest: Manifest) -> dict[str, Any]:
    lineage = manifest.lineage
    labels = sorted({label.entity for label in manifest.labels})
    return {
        "version": manifest.version,
        "created": manifest.created,
        "encoder": manifest.encoder,
        "parent": lineage.parent or "none",
        "dataset": lineage.dataset or "the project's files",
        "teacher": lineage.teacher or "none",
        "sentences": lineage.sentences or "not recorded",
        "recipe": manifest.recipe_hash[:12],
        "seed": manifest.seed,
        "seeds": ", ".join(map(str, lineage.seeds)) or manifest.seed,
        "intents": len(manifest.intents),
        "entities": ", ".join(labels) or "none",
    }


def _differences(registry: Registry, one: str, other: str) -> list[str]:
    """Lines that say how ``one`` differs from ``other``."""
    ours, theirs = manifest_of(registry, one), manifest_of(registry, other)
    lines = []
    for name, mine, its in (
        ("intent", set(ours.intents), set(theirs.intents)),
        ("entity", {x.entity for x in ours.labels}, {x.entity for x in theirs.labels}),
    ):
        lines += [f"+ {name} {each}" for each in sorted(mine - its)]
        lines += [f"- {name} {each}" for each in sorted(its - mine)]
    for name, value in _facts(ours).items():
        before = _facts(theirs)[name]
        if value != before and name not in ("version", "created", "intents", "entities"):
            lines.append(f"{name}: {before} -> {value}")
    lines += _recipes(registry, one, other)
    for graph, scores in ours.scores.items():
        for name, value in scores.items():
            before = theirs.scores.get(graph, {}).get(name)
            if value != before:
                lines.append(f"{graph} {name}: {before} -> {value}")
    return lines


def _recipes(registry: Registry, one: str, other: str) -> list[str]:
    import msgspec

    mine, its = (
        msgspec.toml.decode((registry.folder(each) / "recipe.toml").read_bytes(), type=dict)
        for each in (one, other)
    )
    return [
        f"recipe {name}: {its.get(name, 'none')} -> {mine.get(name, 'none')}"
        for name in sorted({*mine, *its})
        if mine.get(name) != its.get(name)
    ]


def _mark(registry: Registry, name: str) -> str:
    if name == registry.current():
        return "*"
    return "+" if name == registry.candidate() else " "


def _gate(registry: Registry, version: str) -> str:
    from training.gate.reports import kept

    report = kept(registry, version)
    return f"  gate: {report.verdict} against {report.current}" if report else ""


def _erased(registry: Registry, version: str) -> str:
    from training.versions.shelf import erased_from

    count = erased_from(registry, version)
    return f"  learned {count} sentences that are erased: rebuild it" if count else ""


def manifest_of(registry: Registry, version: str) -> Manifest:
    if version not in registry.versions():
        known = ", ".join(registry.versions()) or "none"
        raise NotFound(f"{registry.root} has no version {version!r}. Versions: {known}.")
    return registry.manifest(version)


def places_of(
    context: typer.Context, project: Path, models: Path | None
) -> tuple[Path, Path | None]:
    """What was named behind the command, else before it."""
    if project == Path() and models is None and context.obj is not None:
        found: tuple[Path, Path | None] = context.obj
        return found
    return project, models


def registry_of(context: typer.Context, project: Path, models: Path | None) -> Registry:
    from nlu.registry import Registry

    folder, registry = places_of(context, project, models)
    return Registry(registry or folder / "models")
