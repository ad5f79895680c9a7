"""Where versions of the data are kept: ``datasets/<version>.json`` in a registry."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from nlu.registry import Registry
from training.versions.dataset import Dataset, DatasetError, check
from training.versions.making import subject_of

FOLDER = "datasets"


class Shelf:
    """The versions under ``root``, which need not exist yet."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def of(cls, registry: Registry) -> Shelf:
        """That of a registry."""
        return cls(registry.root / FOLDER)

    def versions(self) -> tuple[str, ...]:
        """Every version, the oldest first."""
        found = [self._read(path) for path in self.root.glob("d*.json")]
        return tuple(each.version for each in sorted(found, key=lambda each: each.created))

    def load(self, version: str) -> Dataset:
        """Raises DatasetError where it is not there, or is not what it was."""
        path = self.root / f"{version}.json"
        if not version.isalnum() or not path.is_file():
            known = ", ".join(self.versions()) or "none"
            raise DatasetError(
                f"{self.root} has no version {version[:50]!r} of the data. Versions: {known}."
            )
        return check(self._read(path), str(path))

    def newest(self) -> Dataset | None:
        """The version made last; None before the first."""
        versions = self.versions()
        return self.load(versions[-1]) if versions else None

    def keep(self, dataset: Dataset) -> Path:
        """Write it, whole or not at all. What is there already stays: a version never changes."""
        path = self.root / f"{dataset.version}.json"
        if not path.is_file():
            self._write(path, dataset)
        return path

    def erase(self, conversation_id: str) -> int:
        """Take a conversation's sentences out of every version; how many there were.

        Out of one that was tampered with as well, which stays refused.
        """
        subject, gone = subject_of(conversation_id), 0
        if not subject:
            return 0
        for version in self.versions():
            dataset = self._read(self.root / f"{version}.json")
            mine = sum(row.subject == subject for row in dataset.rows)
            if mine:
                rows = tuple(
                    row.erased() if row.subject == subject else row for row in dataset.rows
                )
                after = msgspec.structs.replace(dataset, rows=rows)
                self._write(self.root / f"{version}.json", after)
                gone += mine
        return gone

    def held(self, conversation_id: str) -> list[dict[str, object]]:
        """A conversation's sentences in all versions."""
        subject = subject_of(conversation_id)
        return [
            {"dataset": version, **msgspec.to_builtins(row)}
            for version in self.versions()
            for row in self.load(version).rows
            if subject and row.subject == subject
        ]

    def _read(self, path: Path) -> Dataset:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Dataset)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DatasetError(f"{path} is no version of the data: {error}.") from error

    def _write(self, path: Path, dataset: Dataset) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with draft.open("wb") as file:
                file.write(msgspec.json.encode(dataset))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def erased_from(registry: Registry, version: str) -> int:
    """How many of the sentences a model learned were erased since: it should be made anew."""
    dataset = registry.manifest(version).lineage.dataset
    if not dataset:
        return 0
    try:
        return Shelf.of(registry).load(dataset).erased
    except DatasetError:
        return 0
