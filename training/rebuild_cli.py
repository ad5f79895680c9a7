"""`parley rebuild` and `parley dataset`. Imports nothing heavy."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import options
from bot.errors import Conflict
from training.gate.cli import Recipe as GateFile
from training.gate.cli import log_errors_only, show
from training.teachers import Teacher
from training.terminal import needs_torch, progress, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.project.project import Project
    from nlu.registry import Registry
    from training.gate.recipe import GateRecipe
    from training.rebuild import Plan, Rebuilt
    from training.team import Team
    from training.versions.dataset import Dataset
    from training.versions.shelf import Shelf

FAILED, OPEN = 1, 2  # exit codes beside 0

app = typer.Typer(
    help="Versions of the training data: the project's sentences and what people decided.",
    no_args_is_help=True,
)
Json = Annotated[bool, typer.Option("--json", help="Everything, as JSON.")]


def rebuild(
    project: options.Project = Path(),
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Version of the data. Default: a new one of all that is decided by now.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Models to train, each on another seed. Default: gate.toml's."),
    ] = None,
    if_new: Annotated[
        int,
        typer.Option(
            min=0, help="Do nothing unless people gave so many labels since the current model."
        ),
    ] = 0,
    promote: Annotated[
        bool, typer.Option("--promote", help="Make it current at once if the gate lets it pass.")
    ] = False,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of what differs from the default recipe. Default: `recipe.toml` in "
            "the project, if there is one.",
            show_default=False,
        ),
    ] = None,
    teacher: Teacher = None,
    gate_recipe: GateFile = None,
    conversations: Annotated[
        bool, typer.Option(help="Hold the conversation tests with both models.")
    ] = True,
    models: options.Models = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar: for logs.")] = False,
) -> None:
    """From what people labelled to a candidate: data, training, export, gate, one report.

    The candidate answers nobody unless --promote is given and the gate lets it pass. A run that
    was killed goes on where it was. Exits with 0, with 1 when the gate fails the candidate, with 2
    when it has not enough evidence.
    """
    with told(), needs_torch():
        from training.team import team

        log_errors_only(project)
        plan_of = partial(
            _plan,
            project,
            models,
            seeds=seeds,
            files=(recipe, gate_recipe),
            teacher=teacher,
            stories=conversations,
        )
        with team() as member:
            if member.leads:
                run = partial(_run, project, promote=promote, quiet=quiet)
                code = _lead(member, plan_of(dataset), if_new, run)
            else:
                code = _help(member, plan_of)
    raise typer.Exit(code)


@app.command("make")
def make(project: options.Project = Path(), models: options.Models = None) -> None:
    """Keep a version of the project's sentences and of all that is decided by now."""
    from training.versions.learning import newest_dataset

    with told():
        split = _gate(project, None).split
        made = newest_dataset(_load(project), _registry(project, models), split=split)
        _describe(made)


@app.command("list")
def list_(project: options.Project = Path(), models: options.Models = None) -> None:
    """Every version, the oldest first."""
    shelf = _shelf(_registry(project, models))
    for version in shelf.versions():
        found = shelf.load(version)
        counts = Counter(row.part for row in found.rows if not row.is_erased)
        erased = f", {found.erased} erased" if found.erased else ""
        typer.echo(
            f"{version}  {found.created[:16]}  {counts['train']} to learn, {counts['test']} to "
            f"judge by{erased}"
        )
    if not shelf.versions():
        typer.echo(f"{shelf.root} holds no version yet. `parley dataset make` makes one.")


@app.command("show")
def show_dataset(
    version: Annotated[str, typer.Argument(help="As `list` shows it.")],
    project: options.Project = Path(),
    models: options.Models = None,
    json: Json = False,
) -> None:
    """What a version holds, and what is in none and why."""
    import msgspec

    found = _shelf(_registry(project, models)).load(version)
    if json:
        typer.echo(msgspec.json.encode(found))
    else:
        _describe(found)


@app.command("diff")
def diff(
    one: Annotated[str, typer.Argument(help="The newer version.")],
    other: Annotated[
        str | None, typer.Argument(help="Default: its parent.", show_default=False)
    ] = None,
    project: options.Project = Path(),
    models: options.Models = None,
) -> None:
    """Sentences that only one of two versions has, or has with another label."""
    shelf = _shelf(_registry(project, models))
    newer = shelf.load(one)
    older = shelf.load(other or newer.parent or one)
    rows = [
        {(row.text, row.intent, row.part) for row in each.rows if not row.is_erased}
        for each in (older, newer)
    ]
    lines = [("-", row) for row in rows[0] - rows[1]] + [("+", row) for row in rows[1] - rows[0]]
    for sign, (text, intent, part) in sorted(lines, key=lambda line: (line[1], line[0])):
        typer.echo(f"{sign} {part:<5} {intent}: {text}")


def _lead(team: Team, plan: Plan, if_new: int, run: Callable[[Plan], int]) -> int:
    """Do all there is to do; the exit code. The others of the team are told what to help with, and
    the code."""
    if not _worth_it(plan, if_new):
        team.hear("")
        return 0
    team.hear(f"{plan.dataset.version} {plan.key}")
    code = run(plan)
    team.hear(str(code))
    return code


def _help(team: Team, plan_of: Callable[[str], Plan]) -> int:
    """Help the leader train; its exit code."""
    from training.rebuild import help_rebuild

    version, _, key = team.hear().partition(" ")
    if not version:
        return 0
    plan = plan_of(version)
    if plan.key != key:
        raise Conflict("The project or its data changed while the processes started. Run it again.")
    help_rebuild(plan)
    return int(team.hear())


def _run(folder: Path, plan: Plan, *, promote: bool, quiet: bool) -> int:
    from training.rebuild import rebuild

    with progress(quiet=quiet) as (watch, report):
        found = rebuild(plan, watch=watch, report=report)
    _tell(plan, found)
    if promote and (found.may_go_live or found.report is None):
        _promote(folder, plan, found)
    verdict = found.report.verdict if found.report else "pass"
    return {"pass": 0, "fail": FAILED, "open": OPEN}[verdict]


def _plan(
    folder: Path,
    models: Path | None,
    dataset: str | None,
    *,
    seeds: int | None,
    files: tuple[Path | None, Path | None],
    teacher: str | None,
    stories: bool,
) -> Plan:
    import msgspec

    from training.examples import read_tests
    from training.rebuild import Plan
    from training.recipe import load_recipe
    from training.teachers import find_teacher
    from training.versions.learning import newest_dataset

    project, registry = _load(folder), _registry(folder, models)
    own = folder / "recipe.toml"
    recipe = load_recipe(files[0] or (own if own.is_file() else None))
    if teacher is not None:
        recipe = msgspec.structs.replace(recipe, teacher=find_teacher(teacher, registry))
    numbers = _gate(folder, files[1])
    if seeds:
        numbers = msgspec.structs.replace(numbers, seeds=seeds)
    if dataset:
        data = _shelf(registry).load(dataset)
    else:
        data = newest_dataset(project, registry, split=numbers.split)
    arguments = () if stories else None
    return Plan(project, registry, data, recipe, numbers, read_tests(folder), arguments)


def _gate(folder: Path, file: Path | None) -> GateRecipe:
    from training.gate.recipe import FILE, load_gate_recipe

    own = folder / FILE
    return load_gate_recipe(file or (own if own.is_file() else None))


def _worth_it(plan: Plan, least: int) -> bool:
    from training.gate.sentences import dataset_of
    from training.versions.learning import new_labels

    current = plan.registry.current()
    before = dataset_of(plan.registry, current) if current else None
    new = len(new_labels(plan.dataset, before))
    if new < least:
        typer.echo(f"{new} new labels, {least} are wanted: nothing is done.")
        return False
    return True


def _tell(plan: Plan, found: Rebuilt) -> None:
    from training.gate.reports import REPORTS
    from training.rebuild_page import rebuild_page

    version, registry = found.manifest.version, plan.registry
    folder = registry.root / REPORTS
    folder.mkdir(exist_ok=True)
    path = folder / f"{version}-rebuild.html"
    path.write_text(rebuild_page(found, plan.dataset, registry.folder(version)), "utf-8")
    if found.report:
        show(found.report)
    else:
        typer.echo(f"{version}: there is no current model to compare it with.")
    typer.echo(f"{version} is the candidate. {path} holds all of it.")


def _promote(folder: Path, plan: Plan, found: Rebuilt) -> None:
    from bot.export import open_source
    from bot.store.audits import record_at_terminal
    from training.promotion import permission

    allowed = permission(plan.registry, found.manifest.version)
    url = open_source(folder, options.paths_of()).url
    record_at_terminal(url, "models.promote", facts=allowed.facts)
    plan.registry.use(allowed.version)
    typer.echo(f"{allowed.version} is current now.")


def _describe(found: Dataset) -> None:
    typer.echo(f"{found.version}, made {found.created[:16]} after {found.parent or 'none'}")
    counts = Counter((row.part, row.by) for row in found.rows if not row.is_erased)
    for (part, by), count in sorted(counts.items()):
        typer.echo(f"  {part:<5} {count:>6}, labelled by {by}")
    if found.until:
        typer.echo(f"  users' turns are learned up to {found.until}; newer ones judge")
    if found.erased:
        typer.echo(f"  {found.erased} sentences are erased: what learned them should be rebuilt")
    for each in found.left_out:
        typer.echo(f"  left out: {each.id}: {each.why}")


def _load(folder: Path) -> Project:
    from bot.project.cache import cache_folder
    from bot.project.load import load_project

    return load_project(folder, cache=cache_folder())


def _registry(folder: Path, models: Path | None) -> Registry:
    from nlu.registry import Registry

    return Registry(models or folder / "models")


def _shelf(registry: Registry) -> Shelf:
    from training.versions.shelf import Shelf

    return Shelf.of(registry)
