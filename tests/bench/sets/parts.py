"""What a data set's reader gives, and where its files are."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bot.project.project import Example

DATASETS = Path(__file__).resolve().parents[3] / ".." / "shared" / "datasets"


class MissingSetError(Exception):
    """A data set's file is not on this machine."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A set as split by those who published it; ``valid`` is empty where they made none."""

    train: list[Example]
    test: list[Example]
    valid: list[Example] = field(default_factory=list)


def path_of(*names: str) -> Path:
    """The file of these names below the data sets, or MissingSetError."""
    path = DATASETS.joinpath(*names)
    if not path.exists():
        raise MissingSetError(f"{path}: not on this machine.")
    return path


def read_csv(path: Path, text: str, label: str) -> Iterator[Example]:
    """The rows of a CSV file with a heading, line breaks inside a text made spaces."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Example(text=" ".join(row[text].split()), intent=row[label].strip())
