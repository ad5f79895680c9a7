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
from training.versions.making import part_of, subject_of
from training.versions.shelf import Shelf

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
    """The sentences of a version: judged by what its test part holds, the newest of it.

    Corrections are rows of people that ``before``, the version of the current model, had not.
    """
    traffic = sorted(dataset.of("test"), key=lambda row: -row.at)[:MOST_TRAFFIC]
    old = {row.origin for row in before.rows} if before else set()
    new = [row for row in dataset.of("train") if row.by == "person" and row.origin not in old]
    pool = [
        _asked_item(item) for item in waiting if part_of(subject_of(item.conversation_id)) == "test"
    ]
    return Sentences(
        (*tests, *(_asked(row) for row in traffic)),
        tuple(_asked(row, corrected=True) for row in new),
        tuple(pool[:MOST_POOL]),
        dataset.version,
    )


def dataset_of(registry: Registry, version: str) -> Dataset | None:
    """The data a model learned; None where that was the project's files as they were."""
    name = manifest_of(registry, version).lineage.dataset
    return Shelf.of(registry).load(name) if name else None


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
