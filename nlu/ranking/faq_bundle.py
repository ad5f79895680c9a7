"""An FAQ that can be searched: a folder of a registry, checked and opened.

manifest.json     `FaqManifest`
model.onnx        int8; as a bundle's (``nlu.manifest``), but that its tags are the vectors of the
                  word pieces
tokenizer.json    for the `tokenizers` package
faq.json          the entries, a list of `FaqEntry`
vectors.npz       the arrays of `FaqVectors`
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nlu.errors import BundleError, NluError
from nlu.folder import MANIFEST, check_files, content_of, decoded, read_described, readable
from nlu.ranking.encoder import GRAPH, TOKENIZER, open_encoder
from nlu.ranking.entry import FaqEntry
from nlu.ranking.faq import FaqIndex, FaqVectors

FORMAT = 1
KIND = "faq"
FOLDER = "faq"  # in the folder of a project's models: the registry of its FAQ
ENTRIES, VECTORS = "faq.json", "vectors.npz"
NEEDED = (GRAPH, TOKENIZER, ENTRIES, VECTORS)


class FaqManifest(msgspec.Struct, frozen=True):
    """The facts of an FAQ. ``data_hash`` and ``recipe_hash`` tell whether to index it again."""

    version: str
    created: str  # ISO 8601, UTC
    entries: int
    encoder: str
    max_tokens: int
    trained: bool
    data_hash: str
    recipe_hash: str
    seed: int
    files: dict[str, str]
    parley: str  # version that wrote it
    kind: str
    format: int = FORMAT
    scores: dict[str, Any] = {}


def open_faq(folder: Path) -> FaqIndex:
    """The FAQ in ``folder``; BundleError names the file that is missing, damaged or not as the
    manifest says. Reads and runs a model, so not on the event loop."""
    manifest = read_faq_manifest(folder)
    check_files(folder, manifest.files)
    path = folder / ENTRIES
    entries = decoded(path, content_of(path), list[FaqEntry])
    if len(entries) != manifest.entries:
        raise BundleError(f"{path} has {len(entries)} entries; the manifest {manifest.entries}.")
    try:
        encoder = open_encoder(folder, max_tokens=manifest.max_tokens)
        index = FaqIndex(entries, load_vectors(folder / VECTORS, entries), encoder)
        index.search(entries[0].questions[0])  # shows a graph of another shape; warms up
    except (NluError, ValueError, IndexError) as error:
        raise BundleError(f"{folder}: {error}") from error
    return index


def read_faq_manifest(folder: Path) -> FaqManifest:
    """The manifest of the FAQ in ``folder``, alone; its files are not looked at."""
    manifest = read_described(folder, FaqManifest, kind=KIND, version=FORMAT, needed=NEEDED)
    if manifest.entries < 1 or manifest.max_tokens < 3:
        raise BundleError(f"{folder / MANIFEST}: there are no entries, or no tokens for them.")
    return manifest


def save_vectors(vectors: FaqVectors, path: Path) -> None:
    """Write ``vectors`` to ``path``."""
    arrays = {field.name: getattr(vectors, field.name) for field in fields(FaqVectors)}
    np.savez(path, **arrays)


def load_vectors(path: Path, entries: Sequence[FaqEntry]) -> FaqVectors:
    """The vectors in ``path``, which fit ``entries``. Raises BundleError."""
    try:
        with readable(path), np.load(path, allow_pickle=False) as kept:
            arrays = {field.name: kept[field.name] for field in fields(FaqVectors)}
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path} holds other arrays than an FAQ's: {error}") from error
    vectors = FaqVectors(**arrays)
    owners = [number for number, entry in enumerate(entries) for _ in entry.questions]
    if vectors.owners.tolist() != owners:
        raise BundleError(f"{path} is of other entries than those of {ENTRIES}.")
    return vectors
