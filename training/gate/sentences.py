"""What the gate asks two models of a project: tests, what people labelled, what nobody has."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bot.project.project import Project
from bot.review.item import ReviewItem
from bot.review.store import Filter
from bot.store.reviews import open_reviews
from nlu.registry import Registry
from training.examples import read_examples, read_tests
from training.gate.asking import from_tests
from training.gate.evidence import Asked
from training.gate.gate import Sentences, manifest_of
from training.versions.dataset import Dataset, Row
from training.versions.learning import reviews_url
from training.versions.shelf import Shelf
from training.versions.splitting import split_of, subject_of

MOST_TRAFFIC = 5000  # of the users' labelled sentences, the newest
MOST_POOL = 5000  # messages without a label
PAGE = 1000


def sentences_for(
    project: Project,
    registry: Registry,
    candidate: str,
    current: str,
    nlu: Path | None = None,
) -> Sentences:
    """What to ask ``candidate`` and ``current``.

    Args:
        nlu: Labelled sentences to ask instead of all others. Raises ProjectError.
    """
    if nlu is not None:
        return Sentences(tuple(from_tests(read_examples(nlu))))
    tests = from_tests(read_tests(Path(project.path)))
    dataset = dataset_of(registry, candidate)
    if dataset is None:
        return Sentences(tuple(tests))
    return of_dataset(dataset, dataset_of(registry, current), tests=tests, waiting=waiting(project))


def of_dataset(
    dataset: Dataset,
    before: Dataset | None,
    *,
    tests: Sequence[Asked] = (),
    waiting: Sequence[ReviewItem] = (),
) -> Sentences:
    """The sentences of a version: judged by what its test part holds, the newest of it, but for
    what ``before`` learned, the version of the current model, which was split otherwise.

    Corrections are rows of people that ``before`` had not.
    """
    learned = {row.subject for row in before.of("train")} if before else set()
    fair = (row for row in dataset.of("test") if row.subject not in learned)
    traffic = sorted(fair, key=lambda row: -row.at)[:MOST_TRAFFIC]
    old = {row.origin for row in before.rows} if before else set()
    new = [row for row in dataset.of("train") if row.by == "person" and row.origin not in old]
    parts = split_of(dataset)
    pool = [
        _asked_item(item)
        for item in waiting
        if parts.part(subject_of(item.conversation_id), item.at) == "test"
    ]
    return Sentences(
        (*tests, *(_asked(row) for row in traffic)),
        tuple(_asked(row, corrected=True) for row in new),
        tuple(pool[:MOST_POOL]),
        dataset.version,
    )


def dataset_of(registry: Registry, version: str) -> Dataset | None:
    """The data a model learned; None where that was the project's files as they were, or is there
    no more."""
    name, shelf = manifest_of(registry, version).lineage.dataset, Shelf.of(registry)
    return shelf.load(name) if shelf.has(name) else None


def waiting(project: Project) -> list[ReviewItem]:
    """Messages that are proposed for review and have no label yet."""
    url = reviews_url(Path(project.path))

    async def listed() -> list[ReviewItem]:
        found: list[ReviewItem] = []
        async with open_reviews(url) as reviews:
            while len(found) < MOST_POOL:
                after = found[-1].id if found else ""
                page = await reviews.listed(Filter(state="open"), after=after, limit=PAGE)
                found += page
                if len(page) < PAGE:
                    break
        return found

    return asyncio.run(listed())


def _asked(row: Row, *, corrected: bool = False) -> Asked:
    return Asked(
        row.origin.removeprefix("review:"),
        row.text,
        row.intent,
        row.entities,
        source="traffic",
        conversation=row.subject,
        before=row.before,
        corrected=corrected,
    )


def _asked_item(item: ReviewItem) -> Asked:
    subject = subject_of(item.conversation_id)
    return Asked(
        item.id, item.text, None, None, "traffic", conversation=subject, before=item.before
    )
