"""Where versions of the data are kept: ``datasets/<version>.json`` in a registry.

They are encrypted where there are keys, each bound to its version; what names a version is a hash
of what it says, so keys may change and it stays the same one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from bot.errors import ParleyError
from bot.store.sealing import MARK, Seal, seal_of_environment
from nlu.registry import Registry
from training.versions.dataset import Dataset, DatasetError, check
from training.versions.splitting import subject_of

FOLDER = "datasets"


class NotErased(DatasetError):
    """Of some versions nobody can tell whether they are rid of somebody. ``gone`` is how many
    sentences the others held."""

    reason = "NotErased"

    def __init__(self, why: list[str], gone: int) -> None:
        self.gone = gone
        super().__init__(
            f"{' '.join(why)} What was to be erased may be in there still. Put that right (the "
            "key, room on the disk, a copy that is whole), or delete the file and make the models "
            "that learned it anew; then erase again."
        )


class _Deleted(DatasetError):
    """A version went while versions were looked through."""


class Shelf:
    """The versions under ``root``, which need not exist yet.

    ``seal``: what they are encrypted with; that of the environment unless another is given. Every
    method that reads one raises Locked where its key is missing.
    """

    def __init__(self, root: Path, *, seal: Seal | None = None) -> None:
        self.root = root
        self._seal = seal or seal_of_environment()

    @classmethod
    def of(cls, registry: Registry, *, seal: Seal | None = None) -> Shelf:
        """That of a registry."""
        return cls(registry.root / FOLDER, seal=seal)

    def versions(self) -> tuple[str, ...]:
        """Every version, the oldest first."""
        found = [dataset for _, dataset in self._each()]
        return tuple(each.version for each in sorted(found, key=lambda each: each.created))

    def load(self, version: str) -> Dataset:
        """Raises DatasetError where it is not there, or is not what it was."""
        path = self.root / f"{version}.json"
        if not self.has(version):
            known = ", ".join(self.versions()) or "none"
            raise DatasetError(
                f"{self.root} has no version {version[:50]!r} of the data. Versions: {known}."
            )
        return check(self._read(path), str(path))

    def has(self, version: str) -> bool:
        """Whether it is there: one that nobody could mend may have been deleted."""
        return version.isalnum() and (self.root / f"{version}.json").is_file()

    def newest(self) -> Dataset | None:
        """The version made last; None before the first."""
        versions = self.versions()
        return self.load(versions[-1]) if versions else None

    def keep(self, dataset: Dataset) -> Path:
        """Write it, whole or not at all. What is there already stays: a version never changes."""
        path = self.root / f"{dataset.version}.json"
        self.root.mkdir(parents=True, exist_ok=True)
        with self._changing():
            if not path.is_file():
                self._write(path, dataset)
        return path

    def erase(self, *conversation_ids: str) -> int:
        """Take these conversations' sentences out of every version; how many there were.

        Out of one that was tampered with as well, which stays refused: whose sentences it holds it
        may not say. Raises NotErased when all versions were looked through.
        """
        subjects = {subject_of(each) for each in conversation_ids} - {""}
        if not subjects or not self.root.is_dir():
            return 0
        gone, why = 0, list[str]()
        try:
            with self._changing():
                for path in self._files():
                    gone += self._erased_from(path, subjects, why)
        except OSError as error:
            why.append(f"{self.root} cannot be looked through: {error}.")
        if why:
            raise NotErased(why, gone)
        return gone

    def rekey(self, *, decrypt: bool = False) -> int:
        """Have every version closed with the newest key, or with none; how many were changed."""
        wanted = "" if decrypt else f"{MARK}{self._seal.key_id}:"
        changed = 0
        for path in self._files():
            with self._changing():
                stored = path.read_bytes()
                if _is_as(stored, wanted):
                    continue
                data = self._opened(path, stored)
                self._replace(path, self._closed(path, data) if wanted else data)
                changed += 1
        return changed

    def held(self, conversation_id: str) -> list[dict[str, object]]:
        """A conversation's sentences in all versions."""
        subject = subject_of(conversation_id)
        return [
            {"dataset": dataset.version, **msgspec.to_builtins(row)}
            for path, dataset in self._each()
            for row in check(dataset, str(path)).rows
            if subject and row.subject == subject
        ]

    def _erased_from(self, path: Path, subjects: Set[str], why: list[str]) -> int:
        """How many rows of a version are gone now. ``why`` is told why not all may be."""
        mine = 0
        try:
            dataset = self._read(path)
            rows = tuple(row.erased() if row.subject in subjects else row for row in dataset.rows)
            if rows != dataset.rows:
                self._write(path, msgspec.structs.replace(dataset, rows=rows))
            mine = sum(row.subject in subjects for row in dataset.rows)
            check(dataset, str(path))
        except _Deleted:
            pass  # and with it what it held
        except OSError as error:
            why.append(f"{path} cannot be written: {error}.")
        except ParleyError as error:
            why.append(str(error))
        return mine

    def _each(self) -> Iterator[tuple[Path, Dataset]]:
        """Every version that is there when its turn comes, unchecked."""
        for path in self._files():
            with suppress(_Deleted):
                yield path, self._read(path)

    def _files(self) -> list[Path]:
        return sorted(self.root.glob("d*.json"))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Alone among all processes: a sentence that is erased is not written back by another."""
        folder = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            for draft in self.root.glob(".d*.json.*"):  # of who was killed; it holds sentences
                draft.unlink(missing_ok=True)
            yield
        finally:
            os.close(folder)

    def _opened(self, path: Path, stored: bytes) -> bytes:
        return self._seal.open_bytes(stored, "dataset", path.stem)

    def _closed(self, path: Path, data: bytes) -> bytes:
        return self._seal.close_bytes(data, "dataset", path.stem)

    def _read(self, path: Path) -> Dataset:
        try:
            return msgspec.json.decode(self._opened(path, path.read_bytes()), type=Dataset)
        except FileNotFoundError as error:
            raise _Deleted(f"{path} was deleted just now.") from error
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DatasetError(f"{path} is no version of the data: {error}.") from error

    def _write(self, path: Path, dataset: Dataset) -> None:
        self._replace(path, self._closed(path, msgspec.json.encode(dataset)))

    def _replace(self, path: Path, stored: bytes) -> None:
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with draft.open("wb") as file:
                file.write(stored)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _is_as(stored: bytes, wanted: str) -> bool:
    """Whether it is closed with the key of which ``wanted`` is the mark; with none for none."""
    return stored.startswith(wanted.encode()) if wanted else not stored.startswith(MARK.encode())


def erased_from(registry: Registry, version: str) -> int:
    """How many of the sentences a model learned, or was taught by one that had learned them, were
    erased since: it should be made anew."""
    lineage, shelf = registry.manifest(version).lineage, Shelf.of(registry)
    learned = {dataset for dataset in (lineage.dataset, *lineage.taught) if dataset}
    return max((_erased_of(shelf, dataset) for dataset in learned), default=0)


def _erased_of(shelf: Shelf, dataset: str) -> int:
    try:
        return shelf.load(dataset).erased
    except DatasetError:
        return 0
