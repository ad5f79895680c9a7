"""What is in scope, as a bundle keeps it."""

from __future__ import annotations

import dataclasses
import pickle
import zipfile

import msgspec
import numpy as np
import pytest

from nlu.bundle import open_bundle, read_manifest
from nlu.errors import BundleError
from nlu.folder import file_hash
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.scope_file import read_scope, write_scope
from tests.unit.nlu.conftest import INTENTS
from tests.unit.nlu.scopes import a_scope

SIZE = len(INTENTS)  # of the tiny model's vectors too


def of_the_tiny_model(**facts):
    """Knows the axis of each intent but the first, so that ``bye`` is out of scope."""
    known = np.arange(SIZE) > 0
    return a_scope(
        heights=np.full(SIZE, 5.0, np.float32),
        known=known,
        centres=3 * np.eye(SIZE, dtype=np.float32)[known],
        whitening=np.eye(SIZE, dtype=np.float32),
        vectors=np.eye(SIZE, dtype=np.float32)[known],
        **facts,
    )


@pytest.fixture
def scoped(make_bundle):
    """A bundle with a scope; keywords are facts of the manifest."""

    def make(scope=None, **facts):
        folder = make_bundle()
        write_scope(folder / "scope.npz", scope or of_the_tiny_model())
        return sealed(folder, **facts)

    return make


def sealed(folder, **facts):
    """The manifest as it would be written beside the file that is there."""
    manifest = read_manifest(folder)
    files = dict(manifest.files) | {"scope.npz": file_hash(folder / "scope.npz")}
    manifest = msgspec.structs.replace(manifest, **({"scope": "scope.npz", "files": files} | facts))
    (folder / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    return folder


async def confidence(folder, text):
    async with serve(open_bundle(folder)) as served:
        return {
            i.name: i.confidence for i in (await Nlu(Pipeline(), served).parse(text)).intent_ranking
        }


def test_what_is_written_is_read_nearly_as_it_was(tmp_path):
    scope = of_the_tiny_model()
    write_scope(tmp_path / "scope.npz", scope)
    read = read_scope(tmp_path / "scope.npz", intents=SIZE, hidden=SIZE)
    rng = np.random.default_rng(0)
    logits, sentences = rng.normal(size=(2, 50, SIZE))
    assert read.probabilities(logits, sentences) == pytest.approx(
        scope.probabilities(logits, sentences), abs=0.01
    )


async def test_a_confidence_counts_that_the_text_may_be_out_of_scope(make_bundle, scoped):
    plain = await confidence(make_bundle(), "bye")
    careful = await confidence(scoped(), "bye")
    assert sum(plain.values()) == pytest.approx(1)
    assert careful["bye"] < 0.5 < plain["bye"]
    assert next(iter(careful)) == "bye"
    assert (await confidence(scoped(), "hello hello hello"))["greet"] > 0.9


async def test_a_project_with_an_intent_for_it_gets_that_intent(scoped):
    found = await confidence(scoped(outside="out_of_scope"), "bye")
    assert next(iter(found)) == "out_of_scope"
    assert sum(found.values()) == pytest.approx(1)


def test_a_file_changed_since_is_refused(scoped):
    folder = scoped()
    content = bytearray((folder / "scope.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "scope.npz").write_bytes(content)
    with pytest.raises(BundleError, match=r"scope\.npz is not the file that was published"):
        open_bundle(folder)


def test_a_scope_that_is_named_but_not_listed_is_refused(scoped, make_bundle):
    folder = scoped()
    files = dict(read_manifest(folder).files)
    del files["scope.npz"]
    with pytest.raises(BundleError, match=r"files do not list scope\.npz"):
        open_bundle(sealed(folder, files=files))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04", pickle.dumps({"a": 1})])
def test_what_is_no_archive_of_arrays_is_refused(scoped, content):
    folder = scoped()
    (folder / "scope.npz").write_bytes(content)
    with pytest.raises(BundleError, match=r"scope\.npz does not hold the arrays"):
        open_bundle(sealed(folder))


def test_a_pickle_within_is_not_opened(scoped):
    folder = scoped()
    with zipfile.ZipFile(folder / "scope.npz") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    objects = np.array([{"harm": 1}], dtype=object)
    np.savez(folder / "scope.npz", vectors=objects)
    with zipfile.ZipFile(folder / "scope.npz", "a") as archive:
        for name, part in parts.items():
            if name != "vectors.npy":
                archive.writestr(name, part)
    with pytest.raises(BundleError, match="allow_pickle"):
        open_bundle(sealed(folder))


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"heights": np.zeros(SIZE + 1, np.float32)}, r"heights is of shape \(6,\).*\(5,\)"),
        ({"vectors": np.ones((2, 7), np.float32)}, r"vectors is of shape \(2, 7\).*\(2, 5\)"),
        ({"vectors": np.zeros((0, SIZE), np.float32)}, "vectors is of shape"),
        ({"centres": np.ones((1, SIZE), np.float32)}, "centres is of shape"),
        ({"centres": np.full((4, SIZE), np.nan, np.float32)}, "centres holds numbers that"),
        ({"scale": np.array([1.0, 0.0, 1.0])}, "a scale is not above 0"),
        ({"weights": np.array([1.0, np.inf, 1.0])}, "numbers holds numbers that are not finite"),
        ({"weights": np.ones(4)}, "numbers is of shape"),
        ({"known": np.zeros(SIZE, bool)}, "centres is of shape"),
    ],
)  # fmt: skip
def test_a_scope_of_another_model_is_refused(scoped, facts, sentence):
    with pytest.raises(BundleError, match=sentence):
        open_bundle(scoped(dataclasses.replace(of_the_tiny_model(), **facts)))
