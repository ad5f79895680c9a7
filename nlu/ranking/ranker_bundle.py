"""A trained ranker: a folder of a registry, checked and opened.

manifest.json     `RankerManifest`
model.onnx        int8; contexts and responses to vectors
tokenizer.json    for the `tokenizers` package; knows the marks of who speaks
candidates.json   past and canned answers and the responses of the time, a list of `Candidate`
vectors.npz       ``keys``, the SHA-256 of templates, and their ``vectors``, float16
recipe.toml       every number of the training run
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nlu.errors import BundleError, NluError
from nlu.folder import MANIFEST, check_files, content_of, decoded, read_described, readable
from nlu.ranking.candidates import Candidate
from nlu.ranking.certainty import Certainty
from nlu.ranking.dialogue import Line
from nlu.ranking.encoder import GRAPH, TOKENIZER, TextEncoder, open_encoder, unit
from nlu.ranking.ranker import Ranker, read_candidates
from nlu.session import Float32

FORMAT = 1
KIND = "ranker"
FOLDER = "ranker"  # in the folder of a project's models: the registry of its rankers
CANDIDATES, VECTORS = "candidates.json", "vectors.npz"
NEEDED = (GRAPH, TOKENIZER, CANDIDATES, VECTORS)


class RankerManifest(msgspec.Struct, frozen=True):
    """The facts of a ranker. ``data_hash`` and ``recipe_hash`` tell whether to train another."""

    version: str
    created: str  # ISO 8601, UTC
    encoder: str
    max_tokens: int
    most_lines: int
    certainty: Certainty
    threshold: float
    data_hash: str
    recipe_hash: str
    seed: int
    files: dict[str, str]
    parley: str  # version that wrote it
    kind: str
    format: int = FORMAT
    scores: dict[str, Any] = {}


def open_ranker(folder: Path, responses: Sequence[Candidate]) -> Ranker:
    """The ranker in ``folder``, over ``responses`` and the other candidates that are kept there.

    A response written since it was trained is read now. BundleError names the file that is
    missing, damaged or not as the manifest says. Not on the event loop.
    """
    manifest = read_ranker_manifest(folder)
    check_files(folder, manifest.files)
    path = folder / CANDIDATES
    kept = decoded(path, content_of(path), list[Candidate])
    candidates = [*responses, *(each for each in kept if each.source != "response")]
    try:
        encoder = open_encoder(folder, max_tokens=manifest.max_tokens)
        ranker = Ranker(
            encoder,
            candidates,
            _vectors(folder / VECTORS, candidates, encoder),
            most_lines=manifest.most_lines,
            certainty=manifest.certainty,
            threshold=manifest.threshold,
        )
        ranker.rank([Line("user", "hello")])  # shows a graph of another shape; warms up
    except (NluError, ValueError) as error:
        raise BundleError(f"{folder}: {error}") from error
    return ranker


def read_ranker_manifest(folder: Path) -> RankerManifest:
    """The manifest of the ranker in ``folder``, alone; its files are not looked at."""
    manifest = read_described(folder, RankerManifest, kind=KIND, version=FORMAT, needed=NEEDED)
    if manifest.max_tokens < 3 or manifest.most_lines < 1:
        raise BundleError(
            f"{folder / MANIFEST}: no tokens, or no lines, of a dialogue would be read."
        )
    return manifest


def save_vectors(candidates: Sequence[Candidate], vectors: Float32, path: Path) -> None:
    """Write the vectors of ``candidates`` to ``path``, by the hash of what they are of."""
    keys = np.array([each.key for each in candidates], dtype="U64")
    np.savez(path, keys=keys, vectors=vectors.astype(np.float16))


def _vectors(path: Path, candidates: Sequence[Candidate], encoder: TextEncoder) -> Float32:
    try:
        with readable(path), np.load(path, allow_pickle=False) as kept:
            known = dict(zip(kept["keys"].tolist(), kept["vectors"], strict=True))
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{path} holds other arrays than a ranker's: {error}") from error
    missing = [each for each in candidates if each.key not in known]
    read = read_candidates(missing, encoder) if missing else ()
    known |= {each.key: vector for each, vector in zip(missing, read, strict=True)}
    vectors = np.array([known[each.key] for each in candidates], dtype=np.float32)
    return unit(vectors) if len(vectors) else vectors.reshape(0, 1)
