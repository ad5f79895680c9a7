"""Versions copied to a registry elsewhere and back: any place fsspec knows, such as S3.

It is laid out as a folder on disk: ``<version>/`` with the manifest written last, and ``current``.
Every file is checked against the manifest's SHA-256 before it counts, in both directions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.errors import NotFound, SettingsError, Unavailable
from nlu.bundle import open_bundle, read_manifest
from nlu.folder import MANIFEST, check_files
from nlu.registry import Registry, checked_name


def push(registry: Registry, version: str, url: str) -> None:
    """Copy ``version`` to ``url`` and make it current there.

    Raises BundleError for a damaged bundle, SettingsError and Unavailable.
    """
    folder = registry.folder(version)
    manifest = read_manifest(folder)
    check_files(folder, manifest.files)
    files, root = _files(url)
    place = f"{root}/{checked_name(version)}"
    try:
        if not files.exists(f"{place}/{MANIFEST}"):
            files.makedirs(place, exist_ok=True)
            for name in (*manifest.files, MANIFEST):  # the manifest last: with it, it is whole
                files.pipe_file(f"{place}/{name}", (folder / name).read_bytes())
        files.pipe_file(f"{root}/current", f"{version}\n".encode())
    except OSError as error:
        raise Unavailable(f"{url} cannot be written: {error}.") from error


def pull(registry: Registry, url: str, version: str | None = None) -> str:
    """Fetch ``version``, or the current one there, and make it current here; its name.

    Raises BundleError for files that are not those of the manifest, NotFound, SettingsError and
    Unavailable. Nothing is registered then.
    """
    files, root = _files(url)
    name = checked_name(version or _current(files, root, url))
    if name not in registry.versions():
        with registry.draft() as draft:
            _fetch(files, f"{root}/{name}", draft, url)
            open_bundle(draft)
            registry.publish(draft, name, use=False)
    registry.use(name)
    return name


def _fetch(files: Any, place: str, draft: Path, url: str) -> None:
    try:
        (draft / MANIFEST).write_bytes(files.cat_file(f"{place}/{MANIFEST}"))
        for name in read_manifest(draft).files:  # checked: plain names
            (draft / name).write_bytes(files.cat_file(f"{place}/{name}"))
    except FileNotFoundError as error:
        raise NotFound(f"{url} has no whole version {place.rpartition('/')[2]!r}.") from error
    except OSError as error:
        raise Unavailable(f"{url} cannot be read: {error}.") from error


def _current(files: Any, root: str, url: str) -> str:
    try:
        found: bytes = files.cat_file(f"{root}/current")
    except FileNotFoundError as error:
        raise NotFound(f"{url} has no current model; `parley models push` makes one.") from error
    except OSError as error:
        raise Unavailable(f"{url} cannot be read: {error}.") from error
    return found.decode("utf-8", "replace").strip()


def _files(url: str) -> tuple[Any, str]:
    """The file system of ``url``, and the path in it."""
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError as error:
        raise SettingsError("a registry elsewhere needs fsspec: install parley[remote].") from error
    try:
        files, root = url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise SettingsError(f"{url}: {error}") from error
    return files, str(root).rstrip("/")
