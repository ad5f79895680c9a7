"""`parley logs mine`: from the shelf and the current model to items that wait for review."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from bot.errors import NotFound
from bot.project.cache import cache_folder
from bot.project.load import load_project
from bot.review.item import ReviewItem
from bot.review.scrubbing import rules_of
from bot.review.turn import Turn
from bot.settings import Settings
from bot.store.reviews import make_ready, open_reviews
from bot.store.shelf import Shelf, open_shelf, shelf_file
from nlu.bundle import Bundle, open_bundle
from nlu.registry import Registry
from training.logs.cli import settings_of
from training.mining.budget import Split
from training.mining.mine import Known, Mined, chosen, mine
from training.mining.order import mixed
from training.mining.seen import Seen, see, vectors_of
from training.mining.since import Labelled, answers

LOOK_S = 1.0  # between two looks at whether people have answered


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the miners.

    ``most``: turns looked through, the newest. ``waiting``: so many items wait for people at most,
    and the next are chosen when half of them are answered; None: all at once.
    """

    budget: int
    split: Split
    most: int
    seed: int
    candidate: str | None
    dry_run: bool
    waiting: int | None = None


@dataclass(frozen=True)
class Found:
    """What the miners find in the newest turns by the model that is current."""

    seen: Seen
    mined: Mined
    known: Known
    bundle: Bundle


def run(folder: Path, models: Path, wanted: Wanted, endpoints: Path | None, *, quiet: bool) -> None:
    """Mine, propose, tell. Raises NotFound where there is no model."""
    settings = settings_of(folder, endpoints)
    registry = Registry(models)
    found = _found(folder, registry, settings, wanted, quiet=quiet)
    make_ready(settings.sql_url)
    if wanted.waiting is None or wanted.dry_run:
        _ask(found, folder, settings, wanted, wanted.budget)
        return
    left = wanted.budget
    try:
        while left > 0:
            if room := min(left, _room(settings, wanted.waiting)):
                if registry.current() != found.bundle.manifest.version:
                    found = _found(folder, registry, settings, wanted, quiet=quiet)
                asked = _ask(found, folder, settings, wanted, room)
                left = left - asked if asked else 0
            time.sleep(LOOK_S)
    except KeyboardInterrupt:
        typer.echo("Stopped. What was proposed stays.")
    else:
        typer.echo("Nothing more to propose: the budget is spent, or all has been proposed.")


def _ask(found: Found, folder: Path, settings: Settings, wanted: Wanted, budget: int) -> int:
    """Propose at most ``budget`` items, or show them in a dry run; how many."""
    items = _chosen(found, settings, wanted, budget)
    _tell(folder, found, items)
    if not wanted.dry_run:
        _propose(items, settings)
        return len(items)
    for item in items:
        typer.echo(f"{item.share}: {item.text}")
    return len(items)


def _found(
    folder: Path, registry: Registry, settings: Settings, wanted: Wanted, *, quiet: bool
) -> Found:
    current = registry.current()
    if current is None:
        raise NotFound(f"{registry.root} holds no model yet. Run `parley train` first.")
    project = load_project(folder, cache=cache_folder())
    bundle = open_bundle(registry.folder(current))
    with open_shelf(shelf_file(settings)) as shelf:
        kept = deque((turn for _, turn in shelf.turns()), maxlen=wanted.most)
    turns: Sequence[Turn] = sorted(kept, key=lambda turn: turn.key)
    with _bar(len(turns), quiet=quiet) as watch:
        seen = see(turns, bundle, watch=watch)
        other = _other(registry, wanted.candidate)
        theirs = see(turns, other, watch=watch) if other else None
    texts = [example.text for example in project.nlu.examples]
    known = Known(project.nlu, vectors_of(texts, bundle))
    return Found(seen, mine(seen, known, candidate=theirs, now=time.time()), known, bundle)


def _room(settings: Settings, waiting: int) -> int:
    """How many items may join those that wait: none before half of them are answered."""

    async def count() -> int:
        async with open_reviews(settings.sql_url) as reviews:
            return (await reviews.counts()).get("open", 0)

    room = waiting - asyncio.run(count())
    return room if 2 * room >= waiting else 0


def _chosen(found: Found, settings: Settings, wanted: Wanted, budget: int) -> list[ReviewItem]:
    """At most ``budget`` items that nobody has proposed, after all that people have said."""

    async def said() -> Labelled | None:
        async with open_reviews(settings.sql_url) as reviews:
            return await answers(reviews, found.bundle)

    def are_new(items: Sequence[ReviewItem]) -> Sequence[ReviewItem]:
        async def ask() -> Sequence[ReviewItem]:
            async with open_reviews(settings.sql_url) as reviews:
                return await reviews.missing(items)

        return asyncio.run(ask())

    items = chosen(
        *(found.seen, found.mined, replace(found.known, answers=asyncio.run(said()))),
        budget=budget,
        split=wanted.split,
        scrub=rules_of(settings).version,
        seed=wanted.seed,
        are_new=are_new,
    )
    with open_shelf(shelf_file(settings)) as shelf:  # somebody may have been erased meanwhile
        return mixed([item for item in items if _is_kept(item, shelf)])


def _propose(items: Sequence[ReviewItem], settings: Settings) -> None:
    async def propose() -> tuple[int, int]:
        async with open_reviews(settings.sql_url) as reviews:
            return await reviews.propose(items), (await reviews.counts()).get("open", 0)

    new, waiting = asyncio.run(propose())
    typer.echo(f"{new} new items, {waiting} items wait for review: parley review")


def _is_kept(item: ReviewItem, shelf: Shelf) -> bool:
    told = item.origin, item.conversation_id, item.seq
    return not item.conversation_id or shelf.holds(*told)


def _other(registry: Registry, version: str | None) -> Bundle | None:
    return open_bundle(registry.folder(version)) if version else None


def _tell(folder: Path, found: Found, items: Sequence[ReviewItem]) -> None:
    typer.echo(f"{folder}: {len(found.seen)} turns looked through.")
    miners = Counter(reason.miner for item in items for reason in item.reasons)
    for miner, count in miners.most_common():
        typer.echo(f"  {miner}: {count}")
    for one in found.mined.suggested[:10]:
        typer.echo(f"  new intent? {one.name} ({len(one.members)} turns)")
    shares = Counter(item.share for item in items)
    told = ", ".join(f"{count} {share}" for share, count in sorted(shares.items()))
    typer.echo(f"{len(items)} chosen: {told or 'none'}.")


@contextmanager
def _bar(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, highlight=False)
    if quiet or not console.is_terminal:
        yield lambda done: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("reading", total=total)
        yield lambda done: bar.update(task, completed=done)
