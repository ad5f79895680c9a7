"""`parley report`: how the bot does, and whether what users write is drifting away from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import options
from bot.errors import NotFound, SettingsError
from training.terminal import counting, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.settings import Settings
    from training.watch.gather import Plan
    from training.watch.report import Confused, Report, Reviewed

ALARMED = 1  # exit code


def report(
    project: options.Project = Path(),
    models: options.Models = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The page. Default: report.html in PARLEY_HOME.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    days: Annotated[float, typer.Option(min=0.01, help="Length of a window.")] = 7,
    windows: Annotated[int, typer.Option(min=2, max=52, help="How many, up to now.")] = 4,
    reference: Annotated[
        float, typer.Option(min=0.01, help="Days before the windows that they are compared with.")
    ] = 28,
    until: Annotated[
        str | None,
        typer.Option(help="End of the last window: 2026-01-31. Default: now.", show_default=False),
    ] = None,
    most: Annotated[
        int, typer.Option(min=100, help="Turns of a window that the model reads, at most.")
    ] = 1000,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress: for logs.")] = False,
    endpoints: options.Endpoints = None,
) -> None:
    """Read what is new in the log, and tell how the bot does: a page with pictures, or JSON.

    Containment, fallbacks and handoffs by channel and day; what people corrected; and whether
    intents, confidences, words or meanings have moved away from the reference. Exit code: 1 where
    something has in two windows in a row.
    """
    import time

    import msgspec

    from bot.export import time_of
    from training.logs.cli import settings_of
    from training.watch.gather import DAY_S, Plan
    from training.watch.page import page

    with told():
        settings = settings_of(project, endpoints)
        now = time.time()
        plan = Plan(time_of(until) or now, days * DAY_S, windows, reference * DAY_S, most)
        found = _report(settings, models or settings.models_folder, plan, now, quiet=quiet)
    _keep(settings, found, now)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)))
    else:
        file = out or settings.home / "report.html"
        _write(file, page(found))
        _tell(found, file)
    if found.alarms:
        raise typer.Exit(ALARMED)


def _report(settings: Settings, models: Path, plan: Plan, now: float, *, quiet: bool) -> Report:
    import asyncio

    from bot.review.item import LOG
    from bot.review.scrubbing import rules_of
    from bot.store import schema
    from bot.store.reviews import open_reviews
    from bot.store.shelf import open_shelf, shelf_file
    from nlu.bundle import open_bundle
    from nlu.registry import Registry
    from training.logs.databases import check_log, finish, pages
    from training.logs.engine import read_parts
    from training.watch.build import build, reviewed
    from training.watch.gather import gather

    registry = Registry(models)
    current = registry.current()
    if current is None:
        raise NotFound(f"{registry.root} holds no model yet. Run `parley train` first.")
    check_log(settings.sql_url, "parley")
    schema.upgrade(settings.sql_url)
    with open_shelf(shelf_file(settings)) as shelf:
        with counting("events read", quiet=quiet) as count:
            parts = pages(
                settings.sql_url, "parley", shelf, rules_of(settings), origin=LOG, now=now
            )
            read_parts(parts, shelf, watch=lambda read: count(read.events))
            finish(shelf, origin=LOG, now=now)
        with counting("turns", quiet=quiet) as count:
            gathered = gather(shelf.by_conversation(LOG), plan, watch=count)
    if not any(span.turns for span in gathered.spans):
        raise NotFound(_nothing(settings, plan, gathered.undated))

    async def labels() -> tuple[Reviewed, Sequence[Confused]]:
        async with open_reviews(settings.sql_url) as reviews:
            begin = gathered.spans[0].begin
            return await reviewed(reviews, begin=begin, end=plan.until)

    people = asyncio.run(labels())
    with counting("texts understood", quiet=quiet) as count:
        bundle = open_bundle(registry.folder(current))
        return build(gathered, bundle, people, now=now, watch=count)


def _nothing(settings: Settings, plan: Plan, undated: int) -> str:
    from training.watch.page import day

    begin = plan.spans()[0].begin
    more = f" {undated} turns have no time." if undated else ""
    return (
        f"Nobody wrote anything between {day(begin)} and {day(plan.until)}, so there is nothing to "
        f"report.{more} A conversation's last turn counts 15 minutes after it; --until, --days and "
        "--reference choose another time."
    )


def _keep(settings: Settings, found: Report, now: float) -> None:
    """Leave what the server's metrics tell of it."""
    import msgspec

    from bot.model.drifted import Drift, Moved, file_of

    last = len(found.windows) - 1
    alarmed = {(each.measure, each.part) for each in found.alarms if each.window == last}
    moved = tuple(
        Moved(each.measure, each.part, each.value, each.act, (each.measure, each.part) in alarmed)
        for each in found.shifts
        if each.window == last
    )
    _write(file_of(settings), msgspec.json.encode(Drift(now, moved)).decode())


def _write(file: Path, content: str) -> None:
    """Whole or not at all: a server may be reading it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.part")
        draft.write_text(content, "utf-8")
        draft.replace(file)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error}") from error


def _tell(found: Report, file: Path) -> None:
    from training.watch.page import alarm_of, day

    for span, name in ((found.reference, "reference"), (found.windows[-1], "last window")):
        typer.echo(f"{name:<12} {day(span.begin)} to {day(span.end)}: {span.turns:,} turns")
    conversations = sum(each.conversations for each in found.days)
    handoffs = sum(each.handoffs for each in found.days)
    turns, fallbacks = (
        sum(getattr(each, n) for each in found.days) for n in ("turns", "fallbacks")
    )
    if conversations and turns:
        alone = 1 - handoffs / conversations
        typer.echo(
            f"{conversations:,} conversations, {alone:.1%} without a person; "
            f"fallbacks in {fallbacks / turns:.1%} of {turns:,} turns"
        )
    if not found.shifts:
        typer.echo(
            "Too few turns to tell whether anything drifts: 50 of a window and as many before."
        )
    for alarm in found.alarms:
        typer.echo(f"ALARM {alarm_of(alarm)}")
    typer.echo(f"{file} shows all of it.")
