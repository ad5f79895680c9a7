"""A version of the data: its sentences, named by what is in it.

The version is a hash over the hashes of its rows, so that one row can be erased without a trace of
its words, and the version still be known to be what it was. A user's row has a random ``salt`` in
its hash: nobody can guess at erased words by hashing guesses.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

import msgspec

from bot.errors import ParleyError
from bot.project.project import ExampleEntity, Lookup, NluData, Regex

FORMAT = 1
Part = Literal["train", "test", "twin"]
By = Literal["project", "person", "weak"]


class DatasetError(ParleyError):
    """A version of the data is not there, or is not what it was."""

    status = 422
    reason = "DatasetError"


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sentence, and all that is known of it.

    Attributes:
        origin: ``file.yml`` of the project, or ``review:<id>`` of the item that was decided.
        part: Learned from, judged by, or neither: a ``twin`` of what is learned would make scores
            too good, and so would, in a version split by time, a later turn of a conversation that
            is learned.
        subject: Hash of the conversation's id; empty where no user wrote it.
        before: What the bot had said to the user.
        context: What an example's metadata say may go before it.
        by, reviewer, weight: Who labelled it, and how much that counts, from 0 to 1.
        scrub: The rules by which personal data was taken out.
        at: When it was written, in seconds since 1970; 0 where nobody knows.
        held: The hash of an erased row, all else of which is gone.
    """

    text: str = ""
    intent: str = ""
    entities: tuple[ExampleEntity, ...] = ()
    origin: str = ""
    part: Part = "train"
    subject: str = ""
    before: str = ""
    context: Any = None
    by: By = "project"
    reviewer: str = ""
    weight: float = 1.0
    scrub: str = ""
    at: float = 0.0
    salt: str = ""
    held: str = ""

    @property
    def hash(self) -> str:
        """Of everything in it; of an erased row, as it was."""
        return self.held or sha256(msgspec.json.encode(self)).hexdigest()

    @property
    def is_erased(self) -> bool:
        """Whether it was taken away."""
        return bool(self.held)

    def erased(self) -> Row:
        """What stays of it: that it was there, and in which part."""
        return Row(part=self.part, held=self.hash)


class Tables(msgspec.Struct, frozen=True):
    """What a project's data holds beside sentences."""

    synonyms: dict[str, str] = {}
    regexes: tuple[Regex, ...] = ()
    lookups: tuple[Lookup, ...] = ()

    @classmethod
    def of(cls, nlu: NluData) -> Tables:
        """Those of a project's data."""
        return cls(dict(sorted(nlu.synonyms.items())), nlu.regexes, nlu.lookups)


class LeftOut(msgspec.Struct, frozen=True):
    """A decided item that is in no version, and why. ``id`` is the review item's."""

    id: str
    why: str


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the data. ``parent`` is the one it was made after; ``revision`` is how far the
    reviews were read; ``cut`` the time since which users' turns are not learned, in seconds since
    1970, 0 where chance drew the conversations that are not."""

    version: str
    created: str
    rows: tuple[Row, ...]
    tables: Tables
    parent: str = ""
    project: str = ""
    revision: int = 0
    left_out: tuple[LeftOut, ...] = ()
    cut: float = 0.0
    format: int = FORMAT

    def of(self, part: Part) -> list[Row]:
        """The rows of a part that are not erased."""
        return [row for row in self.rows if row.part == part and not row.is_erased]

    @property
    def until(self) -> str:
        """Since when users' turns are not learned, for people to read; empty where chance drew."""
        at = datetime.fromtimestamp(self.cut, UTC)
        return f"{at:%Y-%m-%d %H:%M} UTC" if self.cut else ""

    @property
    def erased(self) -> int:
        """How many of the rows that were learned from are gone."""
        return sum(row.is_erased and row.part == "train" for row in self.rows)


def version_of(rows: Sequence[Row], tables: Tables) -> str:
    """The name of the version that holds these."""
    digest = sha256(msgspec.json.encode(tables))
    for row in rows:
        digest.update(bytes.fromhex(row.hash))
    return f"d{digest.hexdigest()[:16]}"


def check(dataset: Dataset, place: str) -> Dataset:
    """``dataset``, or DatasetError where it is not what its version says."""
    if dataset.format != FORMAT:
        raise DatasetError(
            f"{place} has format {dataset.format}; this Parley reads format {FORMAT}."
        )
    if not _is_itself(dataset):
        raise DatasetError(
            f"{place} is not what it was: its rows are not those of version {dataset.version}. "
            "Take another version, or make one anew: `parley dataset make`."
        )
    return dataset


def _is_itself(dataset: Dataset) -> bool:
    try:
        return version_of(dataset.rows, dataset.tables) == dataset.version
    except ValueError:  # what should be the hash of an erased row is none
        return False
