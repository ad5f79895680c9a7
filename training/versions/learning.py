"""People's labels become a version of the data, and that becomes what training reads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bot.export import open_source
from bot.project.hashes import CONTEXT, WEIGHT
from bot.project.paths import ProjectPaths
from bot.project.project import Example, NluData, Project
from bot.review.item import ReviewItem
from bot.store import schema
from bot.store.reviews import open_reviews
from nlu.registry import Registry
from training.versions.dataset import Dataset, Row
from training.versions.making import make_dataset
from training.versions.shelf import Shelf
from training.versions.splitting import By

PAGE = 1000


def newest_dataset(project: Project, registry: Registry, *, split: By = "conversation") -> Dataset:
    """The version of the project's examples and all that is decided by now, kept in the registry.

    The newest version there already, where nothing changed. Who is erased meanwhile is in none:
    his items go before the versions of the data are looked through, which so miss this one only
    if his items are gone by now.
    """
    folder = Path(project.path)
    shelf, items = Shelf.of(registry), decided(folder)
    revision = max((item.revision for item in items), default=0)
    made = make_dataset(
        project,
        items,
        now=datetime.now(UTC),
        parent=shelf.newest(),
        revision=revision,
        split=split,
    )
    shelf.keep(made)
    erased = _erased_since(folder, items, revision)
    shelf.erase(*erased)
    return shelf.load(made.version) if erased else made


def _erased_since(folder: Path, items: Sequence[ReviewItem], revision: int) -> set[str]:
    """Conversations of ``items`` that were erased after ``revision``."""
    mine, url = {item.id: item.conversation_id for item in items}, reviews_url(folder)

    async def read() -> set[str]:
        found: set[str] = set()
        after = revision
        async with open_reviews(url) as reviews:
            while page := await reviews.withdrawn(after=after, limit=PAGE):
                after = page[-1][0]
                for _, item_id in page:
                    if item_id in mine and (await reviews.item(item_id)).state == "erased":
                        found.add(mine[item_id])
        return found

    return asyncio.run(read())


def decided(folder: Path) -> list[ReviewItem]:
    """Every review item of a project with a decision, in the order of their changes."""
    url = reviews_url(folder)

    async def read() -> list[ReviewItem]:
        found: list[ReviewItem] = []
        async with open_reviews(url) as reviews:
            while page := await reviews.decided(
                after=found[-1].revision if found else 0, limit=PAGE
            ):
                found += page
        return found

    return asyncio.run(read())


def reviews_url(folder: Path) -> str:
    """Where a project's review items are; a file of SQLite is made where there is none."""
    url = open_source(folder, ProjectPaths()).url
    if url.startswith("sqlite"):
        schema.upgrade(url)
    return url


def learned_by(project: Project, dataset: Dataset) -> Project:
    """``project`` with the sentences of ``dataset`` to learn instead of its files'."""
    tables = dataset.tables
    nlu = NluData(
        examples=tuple(example_of(row) for row in dataset.of("train")),
        synonyms=tables.synonyms,
        regexes=tables.regexes,
        lookups=tables.lookups,
    )
    return msgspec.structs.replace(project, nlu=nlu)


def example_of(row: Row) -> Example:
    """A row to learn from; what is weak says so, and so does what is known to go before it."""
    context = {"bot": row.before} if row.before else row.context
    told = {} if row.weight == 1 else {WEIGHT: row.weight}
    metadata = told | ({} if context is None else {CONTEXT: context})
    return Example(row.text, row.intent, row.entities, metadata, row.origin)


def new_labels(dataset: Dataset, parent: Dataset | None) -> Sequence[Row]:
    """People's labels in ``dataset`` that ``parent`` had not."""
    old = {(row.origin, row.intent, row.entities) for row in parent.rows} if parent else set()
    return [
        row
        for row in dataset.rows
        if row.by == "person" and (row.origin, row.intent, row.entities) not in old
    ]
