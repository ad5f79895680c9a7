"""Model versions of one project, and which of them is current.

A registry is a folder:

    <version>/    a model, complete from the moment it has this name: an NLU bundle, or in the
                  registries `policy`, `faq` and `ranker` within that of the bundles another model
    current       the version that answers
    history       the versions that were current, oldest first
    candidate     the version that may become current, if one is proposed
    rollout       the version that is tried on live traffic, if one is, as `Rollout`
    pinned        versions that are kept whatever happens
    reports/      what the gate said of versions (``training.gate``)
    datasets/     versions of the data they learned (``training.versions``)
    .draft-*      bundles being written
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import msgspec

from nlu.bundle import read_manifest
from nlu.errors import BundleError
from nlu.folder import MANIFEST
from nlu.manifest import Manifest
from nlu.rollout import Rollout

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", re.ASCII)
_TAKEN = (
    "current",
    "history",
    "candidate",
    "rollout",
    "pinned",
    "reports",
    "datasets",
    "policy",
    "faq",
    "ranker",
)
DRAFT_S = 86_400.0  # after which a draft belongs to nobody any more


class Published(Protocol):
    """What is known of every model."""

    @property
    def version(self) -> str: ...

    @property
    def created(self) -> str: ...

    @property
    def data_hash(self) -> str: ...

    @property
    def recipe_hash(self) -> str: ...


class Registry:
    """The models under ``root``, which need not exist yet; ``read`` reads a manifest of theirs."""

    def __init__(self, root: Path, *, read: Callable[[Path], Published] = read_manifest) -> None:
        self.root = root
        self._read = read

    def current(self) -> str | None:
        """The version that answers; None before the first was published."""
        try:
            version = (self.root / "current").read_text("utf-8").strip()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise BundleError(f"{self.root / 'current'} cannot be read: {error}") from error
        return checked_name(version)

    def candidate(self) -> str | None:
        """The version proposed to become current, if there is one and it is published."""
        names = self._names("candidate")
        return names[-1] if names and self._is_published(names[-1]) else None

    def history(self) -> tuple[str, ...]:
        """The versions that were current, the oldest first, the current one among them."""
        return tuple(self._history())

    def pinned(self) -> tuple[str, ...]:
        """The versions that are never removed."""
        return tuple(self._names("pinned"))

    def folder(self, version: str) -> Path:
        """Where ``version`` is, or would be."""
        return self.root / checked_name(version)

    def versions(self) -> tuple[str, ...]:
        """Every published version, in the order of their creation."""
        if not self.root.is_dir():
            return ()
        found = [
            entry.name
            for entry in self.root.iterdir()
            if _fits(entry.name) and (entry / MANIFEST).is_file()
        ]
        return tuple(sorted(found, key=lambda version: (self._created(version), version)))

    def manifest(self, version: str) -> Manifest:
        """What the bundle ``version`` says about itself."""
        return read_manifest(self.folder(version))

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """An empty folder to write a bundle into; gone afterwards unless published."""
        self.root.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.root))
        draft.chmod(0o755)
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def publish(self, draft: Path, version: str, *, use: bool = True) -> Path:
        """Make ``draft`` the bundle ``version``, and current. It appears whole or not at all."""
        folder = self.folder(version)
        named = self._read(draft).version
        if named != version:
            raise BundleError(f"The manifest names version {named!r}, not {version!r}.")
        if folder.exists():
            raise BundleError(f"Version {version} is published already; versions never change.")
        for path in (*draft.iterdir(), draft):
            _sync(path)
        draft.rename(folder)
        _sync(self.root)
        if use:
            self.use(version)
        return folder

    def use(self, version: str) -> None:
        """Make ``version`` the current one."""
        self._check_published(version)
        if version != self.current():
            self._replace("history", "".join(f"{name}\n" for name in (*self._history(), version)))
            self._replace("current", f"{version}\n")
        if version == self.candidate():
            self.propose(None)
        if (tried := self.rollout()) and tried.version == version:
            self.end_rollout()

    def propose(self, version: str | None) -> None:
        """Make ``version`` the candidate; None: there is none."""
        if version is not None:
            self._check_published(version)
        self._replace("candidate", f"{version}\n" if version else "")

    def rollout(self) -> Rollout | None:
        """The version that is tried on live traffic, and how."""
        path = self.root / "rollout"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Rollout)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BundleError(f"{path} cannot be read: {error}") from error

    def roll_out(self, rollout: Rollout) -> None:
        """Try a version on live traffic."""
        self._check_published(rollout.version)
        self._replace("rollout", msgspec.json.encode(rollout).decode())

    def end_rollout(self) -> None:
        """Try no version any more."""
        (self.root / "rollout").unlink(missing_ok=True)

    def pin(self, version: str, *, keep: bool = True) -> None:
        """Keep ``version`` whatever happens, or no longer."""
        self._check_published(version)
        names = [name for name in self.pinned() if name != version] + [version] * keep
        self._replace("pinned", "".join(f"{name}\n" for name in names))

    def unused(self, *, keep: int = 0) -> tuple[str, ...]:
        """Versions that nothing holds on to, the oldest first: not current, never current, neither
        candidate nor pinned, and not among the ``keep`` newest."""
        tried = self.rollout()
        held = {self.current(), self.candidate(), tried.version if tried else None}
        held |= {*self.history(), *self.pinned()}
        loose = [version for version in self.versions() if version not in held]
        return tuple(loose[: max(len(loose) - keep, 0)])

    def remove(self, version: str) -> None:
        """Delete an unused version. Nobody ever sees half of it."""
        if version not in self.unused():
            raise BundleError(f"{version} is current, was current, is pinned, or a candidate.")
        gone = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.root))
        self.folder(version).rename(gone / version)
        shutil.rmtree(gone)

    def clear_drafts(self, now: float) -> int:
        """Remove what was being written a day ago: whoever wrote it was killed. How many."""
        old = [path for path in self.root.glob(".draft-*") if now - path.stat().st_mtime > DRAFT_S]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return len(old)

    def roll_back(self) -> str:
        """Make the version that was current before the current one again."""
        current, history = self.current(), self._history()
        while history and (history[-1] == current or not self._is_published(history[-1])):
            history.pop()
        if not history:
            raise BundleError(f"{self.root} has no earlier version to go back to.")
        self._replace("history", "".join(f"{name}\n" for name in history))
        self._replace("current", f"{history[-1]}\n")
        return history[-1]

    def _history(self) -> list[str]:
        return self._names("history")

    def _names(self, file: str) -> list[str]:
        try:
            lines = (self.root / file).read_text("utf-8").split()
        except FileNotFoundError:
            return []
        return [line for line in lines if _fits(line)]

    def _check_published(self, version: str) -> None:
        if not self._is_published(version):
            known = ", ".join(self.versions()) or "none"
            raise BundleError(f"{self.root} has no version {version!r}. Versions: {known}.")

    def _is_published(self, version: str) -> bool:
        return (self.folder(version) / MANIFEST).is_file()

    def _created(self, version: str) -> str:
        try:
            return self._read(self.folder(version)).created
        except BundleError:  # listed all the same, so that it can be seen and removed
            return ""

    def _replace(self, name: str, content: str) -> None:
        """Write a file so that a reader sees the old or the new one, even after a power cut."""
        handle, written = tempfile.mkstemp(prefix=f".{name}-", dir=self.root)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        Path(written).replace(self.root / name)
        _sync(self.root)


def new_version(now: datetime, *hashes: str) -> str:
    """The name of a version made ``now`` of what has these hashes.

    Of the moment too: the same data, recipe and seed make the same files.
    """
    told = " ".join((now.isoformat(), *hashes))
    return f"{now:%Y%m%d-%H%M%S}-{sha256(told.encode()).hexdigest()[:8]}"


def checked_name(version: str) -> str:
    """``version``, which can be a folder's name and leads nowhere else."""
    if not _fits(version):
        raise BundleError(
            f"{version[:100]!r} is no version name. Letters, digits and . _ + - are, at most 100, "
            "beginning with a letter or digit."
        )
    return version


def _fits(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name not in _TAKEN


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
