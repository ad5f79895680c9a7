import json

import pytest

from nlu.bundle import open_bundle, read_manifest
from nlu.errors import BundleError
from nlu.folder import file_hash
from nlu.model import Reading
from tests.unit.nlu.conftest import tiny_graph


def refused(folder):
    with pytest.raises(BundleError) as refusal:
        open_bundle(folder)
    return str(refusal.value)


def rewrite(folder, **facts):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))
    return folder


def test_a_bundle_opens_with_everything_it_says(make_bundle):
    bundle = open_bundle(make_bundle())
    assert bundle.manifest.version == "v1"
    assert bundle.extractors.synonyms == {"tea": "a cup of tea"}
    [scores] = bundle.model.read([Reading("green tea", bundle.model.tokenizer)])
    assert scores.words == ((0, 5), (6, 9))
    assert scores.tags.shape == (2, 5)


def test_a_batch_answers_as_each_alone_would(make_bundle):
    model = open_bundle(make_bundle()).model
    texts = ["bye", "hello order green tea", "tea"]
    together = model.read([Reading(text, model.tokenizer) for text in texts])
    for text, scores in zip(texts, together, strict=True):
        [alone] = model.read([Reading(text, model.tokenizer)])
        assert scores.words == alone.words
        assert scores.intents == pytest.approx(alone.intents)
        assert scores.tags == pytest.approx(alone.tags)


def test_a_graph_whose_answers_depend_on_their_company_is_recognised(make_bundle, tmp_path):
    assert open_bundle(make_bundle()).batches
    assert not open_bundle(make_bundle(tmp_path / "s", graph=tiny_graph(sociable=True))).batches


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "extractors.json"])
def test_a_changed_file_is_refused_by_name(make_bundle, name):
    folder = make_bundle()
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert f"{folder / name} is not the file that was published" in refused(folder)


@pytest.mark.parametrize(
    "name", ["manifest.json", "model.onnx", "tokenizer.json", "extractors.json"]
)
def test_a_missing_file_is_refused_by_name(make_bundle, name):
    folder = make_bundle()
    (folder / name).unlink()
    assert refused(folder) == f"{folder / name} is missing."


def test_a_file_the_manifest_lists_beside_the_needed_ones_is_checked_too(make_bundle):
    folder = make_bundle()
    (folder / "recipe.toml").write_text("epochs = 1")
    files = dict(read_manifest(folder).files)
    rewrite(folder, files=files | {"recipe.toml": file_hash(folder / "recipe.toml")})
    open_bundle(folder)
    (folder / "recipe.toml").write_text("epochs = 2")
    assert "recipe.toml is not the file that was published" in refused(folder)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"format": 2}, "has format 2; this Parley reads format 1"),
        ({"format": 99, "files": None}, "has format 99"),
        ({"intents": "greet"}, "Expected `array`, got `str` - at `$.intents`"),
        ({"intents": []}, "there are no intents"),
        ({"intents": ["a", "a"]}, "an intent is listed twice"),
        ({"temperature": 0}, "temperature is 0.0; it must be more than 0"),
        ({"max_tokens": 2}, "max_tokens is 2"),
        ({"files": {}}, "files do not list model.onnx"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_with_what_is_wrong(make_bundle, facts, sentence):
    assert sentence in refused(rewrite(make_bundle(), **facts))


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", "manifest.json"])
def test_a_manifest_cannot_name_files_elsewhere(make_bundle, name):
    folder = make_bundle()
    files = dict(read_manifest(folder).files) | {name: "0" * 64}
    assert "no plain file name" in refused(rewrite(folder, files=files))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_manifest_that_is_no_json_object_is_refused(make_bundle, content):
    folder = make_bundle()
    (folder / "manifest.json").write_bytes(content)
    assert str(folder / "manifest.json") in refused(folder)


@pytest.mark.parametrize("graph", [b"", b"not a graph", b"\x00" * 1000, tiny_graph()[:200]])
def test_a_graph_that_is_no_onnx_is_refused(make_bundle, graph):
    assert "model.onnx is no graph that can be run" in refused(make_bundle(graph=graph))


@pytest.mark.parametrize(
    ("graph", "output"),
    [(tiny_graph(intents=3), "intent_logits"), (tiny_graph(tags=7), "tag_logits")],
)
def test_a_graph_that_does_not_fit_its_manifest_is_refused(make_bundle, graph, output):
    assert f"model.onnx gives {output}" in refused(make_bundle(graph=graph))


def test_a_graph_with_other_inputs_is_refused(make_bundle):
    graph = tiny_graph().replace(b"attention_mask", b"attention_mist")
    assert "missing: attention_mask" in refused(make_bundle(graph=graph))


def test_a_folder_that_is_not_there_is_a_missing_manifest(tmp_path):
    assert refused(tmp_path / "nowhere") == f"{tmp_path / 'nowhere' / 'manifest.json'} is missing."
