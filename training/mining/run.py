"""`parley logs mine`: from the shelf and the current model to items that wait for review."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from bot.errors import NotFound
from bot.project.cache import cache_folder
from bot.project.load import load_project
from bot.review.item import ReviewItem
from bot.review.scrubbing import rules_of
from bot.review.turn import Turn
from bot.store.reviews import make_ready, open_reviews
from bot.store.shelf import Shelf, open_shelf, shelf_file
from nlu.bundle import Bundle, open_bundle
from nlu.registry import Registry
from training.logs.cli import settings_of
from training.mining.budget import Split
from training.mining.mine import Known, Mined, chosen, mine
from training.mining.order import mixed
from training.mining.seen import see, vectors_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the miners. ``most``: turns looked through, the newest."""

    budget: int
    split: Split
    most: int
    seed: int
    candidate: str | None
    dry_run: bool


def run(folder: Path, models: Path, wanted: Wanted, endpoints: Path | None, *, quiet: bool) -> None:
    """Mine, propose, tell. Raises NotFound where there is no model."""
    settings = settings_of(folder, endpoints)
    project = load_project(folder, cache=cache_folder())
    registry = Registry(models)
    current = registry.current()
    if current is None:
        raise NotFound(f"{registry.root} holds no model yet. Run `parley train` first.")
    bundle = open_bundle(registry.folder(current))
    with open_shelf(shelf_file(settings)) as shelf:
        kept = deque((turn for _, turn in shelf.turns()), maxlen=wanted.most)
    turns: Sequence[Turn] = sorted(kept, key=lambda turn: turn.key)
    texts = [example.text for example in project.nlu.examples]
    with _bar(len(turns), quiet=quiet) as watch:
        seen = see(turns, bundle, watch=watch)
        other = _other(registry, wanted.candidate)
        theirs = see(turns, other, watch=watch) if other else None
    known = Known(project.nlu, vectors_of(texts, bundle))
    now = time.time()
    mined = mine(seen, known, candidate=theirs, now=now)
    make_ready(settings.sql_url)

    def are_new(items: Sequence[ReviewItem]) -> Sequence[ReviewItem]:
        async def ask() -> Sequence[ReviewItem]:
            async with open_reviews(settings.sql_url) as reviews:
                return await reviews.missing(items)

        return asyncio.run(ask())

    items = mixed(
        chosen(
            *(seen, mined, known),
            budget=wanted.budget,
            split=wanted.split,
            scrub=rules_of(settings).version,
            seed=wanted.seed,
            are_new=are_new,
        )
    )
    _tell(folder, turns, mined, items)
    if wanted.dry_run:
        for item in items:
            typer.echo(f"{item.share}: {item.text}")
        return

    with open_shelf(shelf_file(settings)) as shelf:  # somebody may have been erased meanwhile
        items = [item for item in items if _is_kept(item, shelf)]

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


def _tell(folder: Path, turns: Sequence[Turn], mined: Mined, items: Sequence[ReviewItem]) -> None:
    typer.echo(f"{folder}: {len(turns)} turns looked through.")
    miners = Counter(reason.miner for item in items for reason in item.reasons)
    for miner, count in miners.most_common():
        typer.echo(f"  {miner}: {count}")
    for one in mined.suggested[:10]:
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
