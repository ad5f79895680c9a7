"""Which of the users' turns are learned and which only judge: whole conversations, by chance or by
time, and nothing that is nearly the same on both sides."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import msgspec

from bot.project.project import Example
from bot.review.item import ReviewItem
from training.dedupe import near_duplicates
from training.versions.dataset import Dataset, Part, Row

TESTED = 0.2  # share of the users' conversations that models are judged by, and never learn
ALIKE = 90.0  # similarity of letters from which two sentences are twins

By = Literal["conversation", "time"]


@dataclass(frozen=True, slots=True)
class Split:
    """Where a turn belongs.

    ``cut`` is the time, in seconds since 1970, before which turns are learned; None where chance
    decides. ``before`` are conversations that had begun by then: what they say later is neither
    learned nor judged by.
    """

    cut: float | None = None
    before: frozenset[str] = frozenset()

    def part(self, subject: str, at: float, *, judges: bool = True) -> Part:
        """Of a turn written ``at``; of the training data's own, without a subject, it is learned.

        Args:
            judges: Whether a person has labelled it.
        """
        if not subject:
            return "train"
        if self.cut is None:
            return part_of(subject) if judges else "train"
        if at < self.cut:
            return "train"
        return "test" if judges and subject not in self.before else "twin"


def by_time(items: Iterable[ReviewItem], *, now: float, least: float = 0.0) -> Split:
    """The newest of the conversations of ``items`` judge: a fifth at most, but the last at least.

    Of conversations that began at once all judge or none.

    Args:
        now: What is written later counts as written now: a clock was wrong.
        least: A cut before which nothing judges. With that of the version before, what was learned
            once never judges; what judged may be learned later.
    """
    begun: dict[str, float] = {}
    last = 0.0
    for item in items:
        subject, at = subject_of(item.conversation_id), min(item.at, now)
        if subject:
            begun[subject] = min(at, begun.get(subject, at))
            last = max(last, at)
    if not begun:
        return Split(least or None)
    cut = max(_cut(sorted(begun.values()), last), least)
    return Split(cut, frozenset(subject for subject, at in begun.items() if at < cut))


def _cut(begun: Sequence[float], last: float) -> float:
    """The time since which conversations judge, of those at which they ``begun``, in order; after
    the ``last`` turn where all are needed to learn from."""
    for time in sorted(set(begun))[1:]:
        if len(begun) - bisect_left(begun, time) <= TESTED * len(begun):
            return time
    newest = len(begun) - bisect_left(begun, begun[-1])
    return begun[-1] if newest <= len(begun) / 2 else last + 1


def split_of(dataset: Dataset) -> Split:
    """How ``dataset`` was split."""
    if not dataset.cut:
        return Split()
    begun = {row.subject for row in dataset.rows if row.subject and row.at < dataset.cut}
    return Split(dataset.cut, frozenset(begun))


def subject_of(conversation_id: str) -> str:
    """What stands for a conversation in rows."""
    return sha256(conversation_id.encode()).hexdigest() if conversation_id else ""


def part_of(subject: str, share: float = TESTED) -> Part:
    """Where a conversation belongs by chance, in every version. The training data's own is learned
    from."""
    if not subject:
        return "train"
    return "test" if int(subject[:8], 16) < share * 2**32 else "train"


def without_twins(learned: Sequence[Row], tests: Sequence[Row]) -> list[Row]:
    """``tests``, in which what is nearly ``learned`` is a twin, and what is nearly a twin."""
    rows, near = list(tests), list(learned)
    while near:
        left = [at for at, row in enumerate(rows) if row.part == "test"]
        found = near_duplicates(_examples(rows[at] for at in left), _examples(near), ALIKE)
        near = [rows[left[number]] for number in found]
        for number in found:
            rows[left[number]] = msgspec.structs.replace(rows[left[number]], part="twin")
    return rows


def _examples(rows: Iterable[Row]) -> list[Example]:
    return [Example(row.text, row.intent) for row in rows]
