"""A chain of hashes over the rows of the audit log: what was changed or removed shows.

A row's hash is SHA-256 over the hash before it and the SHA-256 of what the row says. Who can write
to the database can still make a whole new chain; the head that was noted elsewhere (an anchor)
shows that too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

START = "0" * 64
"""What the first row follows."""
SAID = ("number", "at", "kind", "actor", "role", "action", "outcome", "subject", "facts")


@dataclass(frozen=True, slots=True)
class Anchor:
    """The hash of row ``number``, as it was noted somewhere else."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Broken:
    """What does not fit, at row ``number``."""

    number: int
    problem: str


def link(previous: str, row: Mapping[str, Any]) -> str:
    """The hash of ``row``, which has every field in SAID, after the hash ``previous``."""
    said = msgspec.json.encode([row[name] for name in SAID])
    content = hashlib.sha256(said).digest()
    return hashlib.sha256(bytes.fromhex(previous) + content).hexdigest()


class Verifier:
    """Takes the rows in the order of their numbers, and tells what is wrong with each."""

    def __init__(self, anchors: Sequence[Anchor] = ()) -> None:
        self._anchors: dict[int, set[str]] = {}
        for anchor in anchors:
            self._anchors.setdefault(anchor.number, set()).add(anchor.hash)
        self.number = 0
        self.hash = START

    def take(self, row: Mapping[str, Any]) -> Iterator[Broken]:
        """What is wrong with the next row, and before it."""
        number, hash_ = int(row["number"]), str(row["hash"])
        if number > self.number + 1:
            yield _missing(self.number + 1, number - 1)
        elif not _follows(self.hash, row, hash_):
            yield Broken(number, "was changed or moved, or the row before it was")
        if self._anchors.pop(number, {hash_}) != {hash_}:
            yield Broken(number, "is not the row whose hash was noted: the log was rewritten")
        self.number, self.hash = number, hash_

    def end(self, head: Anchor | None) -> Iterator[Broken]:
        """What is wrong after the last row; ``head`` is the database's own note, read last."""
        if (last := max(self._anchors, default=0)) > self.number:
            yield _missing(self.number + 1, last)
        elif self.number > (head.number if head else 0):
            yield Broken(self.number, "was put there without being noted as the last row")


def _follows(previous: str, row: Mapping[str, Any], hash_: str) -> bool:
    try:
        return link(previous, row) == hash_
    except ValueError:  # the hash before it is none
        return False


def _missing(first: int, last: int) -> Broken:
    if first == last:
        return Broken(first, "is missing")
    return Broken(first, f"to row {last} are missing")
