"""Keeps parsed content, because parsing YAML takes seconds where reading this takes milliseconds.

An entry is named by the SHA-256 of everything it was made from, this package's own code
included; one that cannot be read is as good as none.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from bot.project.content import Content

BOT = Path(__file__).parents[1]


class Entry(msgspec.Struct, frozen=True):
    """Content, and the SHA-256 of the files found only while reading (lookups)."""

    content: Content
    lookup_files: dict[str, str] = {}


def cache_folder() -> Path:
    """Where a user's caches go, by the XDG Base Directory Specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "parley"


def key_of(domain: Mapping[str, str], data: Mapping[str, str], *how: str) -> str:
    """The name of the entry for these texts, by file; ``how`` is what else the reading goes by."""
    code = sorted([*BOT.glob("project/**/*.py"), *BOT.glob("dialogue/*.py")])
    parts = [[path.read_bytes() for path in code], [*domain.items()], [*data.items()], how]
    return sha256(msgspec.msgpack.encode(parts)).hexdigest()


def recall(cache: Path, key: str, root: Path) -> Content | None:
    """The content kept under ``key``, None when there is none to be trusted."""
    try:
        kept = (cache / f"{key}.msgpack").read_bytes()
        digest, body = kept[:32], kept[32:]
        if sha256(body).digest() != digest:
            return None
        entry = msgspec.msgpack.decode(body, type=Entry)
        for file, expected in entry.lookup_files.items():
            if file_digest(root / file) != expected:
                return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return entry.content


def remember(cache: Path, key: str, entry: Entry, *, keep: int = 5) -> None:
    """Keep ``entry`` and the newest others; where nothing can be written, nothing is kept."""
    body = msgspec.msgpack.encode(entry)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, delete=False) as file:
            unfinished = Path(file.name)
            try:
                file.write(sha256(body).digest() + body)
                file.close()
                unfinished.replace(cache / f"{key}.msgpack")
            finally:
                unfinished.unlink(missing_ok=True)
        entries = sorted(cache.glob("*.msgpack"), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in entries[keep:]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    return sha256(path.read_bytes()).hexdigest()
