"""A folder of a registry: its manifest read, its files checked, whatever kind of model it is."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from nlu.errors import BundleError

MANIFEST = "manifest.json"

T = TypeVar("T")


class Described(Protocol):
    """A manifest of any kind: ``files`` maps each other file of the folder to its SHA-256."""

    @property
    def kind(self) -> str: ...

    @property
    def format(self) -> int: ...

    @property
    def files(self) -> Mapping[str, str]: ...


Told = TypeVar("Told", bound=Described)


def read_described(
    folder: Path, manifest: type[Told], *, kind: str, version: int, needed: Iterable[str]
) -> Told:
    """The manifest in ``folder``, alone; its files are not looked at.

    Raises BundleError for one of another ``kind`` or format than ``version``, and for one without
    the ``needed`` files.
    """
    path = folder / MANIFEST
    found = decoded(path, content_of(path), manifest)
    if (found.kind, found.format) != (kind, version):
        raise BundleError(
            f"{path} describes a {found.kind} of format {found.format}; this Parley reads a "
            f"{kind} of format {version}. Train again."
        )
    for problem in unlisted(found.files, needed):
        raise BundleError(f"{path}: {problem}")
    return found


def unlisted(files: Collection[str], needed: Iterable[str]) -> list[str]:
    """What is wrong with the names of a manifest's files."""
    found = [f"files do not list {name}." for name in needed if name not in files]
    found += [
        f"files name {name!r}, which is no plain file name."
        for name in files
        if name != Path(name).name or name in (".", "..", MANIFEST)
    ]
    return found


def check_files(folder: Path, files: Mapping[str, str]) -> None:
    """Refuse a folder with a file that is not the one whose SHA-256 its manifest has."""
    for name, published in files.items():
        path = folder / name
        with readable(path):
            found = file_hash(path)
        if found != published.lower():
            raise BundleError(
                f"{path} is not the file that was published: its SHA-256 differs from the "
                "manifest's. Roll back to another version or train again."
            )


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_hashes(folder: Path) -> dict[str, str]:
    """What a manifest's ``files`` says of a folder that is finished but for it."""
    return {path.name: file_hash(path) for path in sorted(folder.iterdir())}


def content_of(path: Path) -> bytes:
    """What is in a file. Raises BundleError."""
    with readable(path):
        return path.read_bytes()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What cannot be read in the block raises BundleError."""
    try:
        yield
    except FileNotFoundError as error:
        raise BundleError(f"{path} is missing.") from error
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}.") from error


def decoded(path: Path, content: bytes, kind: type[T]) -> T:
    """``content`` as a ``kind``, or BundleError with ``path``."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{path}: {error}") from error
