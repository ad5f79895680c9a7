from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
import torch

from nlu.tokenizer import Tokens
from training.bert_graph import bert_graph, is_bert
from training.encoders import load_encoder
from training.export import (
    ExportError,
    check,
    check_agreement,
    example_inputs,
    export,
    inputs_of,
    open_session,
)
from training.make import make
from training.model import JointModel
from training.recipe import load_recipe
from training.torchscript import FILE, read_torchscript, write_torchscript

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def model(tiny_bert: Path) -> JointModel:
    torch.manual_seed(1)
    return JointModel(load_encoder(str(tiny_bert), 32), 4, 7).eval()


@pytest.fixture(scope="module")
def other() -> JointModel:
    """A model that is no BERT, so torch has to record its graph."""
    from transformers import DistilBertConfig, DistilBertModel

    torch.manual_seed(1)
    config = DistilBertConfig(
        vocab_size=90, dim=32, n_layers=1, n_heads=2, hidden_dim=64, max_position_embeddings=40
    )
    return JointModel(DistilBertModel(config), 4, 7).eval()


def sentences(count: int = 20) -> list[list[int]]:
    rng = np.random.default_rng(0)
    return [[2, *rng.integers(4, 60, rng.integers(1, 20)).tolist(), 3] for _ in range(count)]


def typical(context: int = 0) -> list[Tokens]:
    return [Tokens(ids, (), (), min(context, len(ids) - 2)) for ids in sentences()]


def run(path: Path, model: JointModel, requests: int = 3, tokens: int = 9) -> list[np.ndarray]:
    given = (each.numpy() for each in example_inputs(model, requests, tokens))
    feed = dict(zip(inputs_of(model), given, strict=True))
    return open_session(path).run(["intent_logits", "tag_logits", "sentence"], feed)


def test_the_written_graph_answers_as_torch_does(model: JointModel, tmp_path: Path):
    onnx.save(bert_graph(model), tmp_path / "float32.onnx")
    check(model, tmp_path / "float32.onnx")


def test_int8_weights_are_near_and_take_a_quarter_of_the_room(model: JointModel, tmp_path: Path):
    export(model, tmp_path / "float32.onnx", tmp_path / "int8.onnx", sentences=typical())
    exact, rounded = run(tmp_path / "float32.onnx", model), run(tmp_path / "int8.onnx", model)
    assert float((exact[2] * rounded[2]).sum(1).min()) > 0.99
    kinds = {t.name: t.data_type for t in onnx.load(tmp_path / "int8.onnx").graph.initializer}
    assert kinds["encoder.embeddings.word_embeddings.weight.rows.int8"] == onnx.TensorProto.INT8
    assert kinds["encoder.encoder.layer.1.output.dense.weight.int8"] == onnx.TensorProto.INT8
    assert kinds["intent_head.weight"] == onnx.TensorProto.FLOAT


def test_padding_changes_no_answer(model: JointModel, tmp_path: Path):
    onnx.save(bert_graph(model), tmp_path / "float32.onnx")
    session = open_session(tmp_path / "float32.onnx")
    ids = np.array([[2, 7, 8, 3]])
    padded = np.array([[2, 7, 8, 3, 0, 0]])
    mask = np.array([[1, 1, 1, 1, 0, 0]])
    alone = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    among = session.run(None, {"input_ids": padded, "attention_mask": mask})
    for a, b in zip(alone, (among[0], among[1][:, :4], among[2]), strict=True):
        assert np.allclose(a, b, atol=1e-5)


def test_any_encoder_can_be_recorded_and_quantized(other: JointModel, tmp_path: Path):
    assert not is_bert(other)
    export(other, tmp_path / "float32.onnx", tmp_path / "int8.onnx", sentences=typical())
    exact, rounded = run(tmp_path / "float32.onnx", other), run(tmp_path / "int8.onnx", other)
    assert float((exact[2] * rounded[2]).sum(1).min()) > 0.99
    sizes = [(tmp_path / name).stat().st_size for name in ("int8.onnx", "float32.onnx")]
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("name", ["model", "other"])
def test_a_context_is_read_and_the_text_alone_is_judged(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
):
    kind = JointModel(request.getfixturevalue(name).encoder, 4, 7, context=True).eval()
    float32, int8 = tmp_path / "float32.onnx", tmp_path / "int8.onnx"
    export(kind, float32, int8, sentences=typical(context=3))  # which checks the first
    exact, rounded = run(float32, kind), run(int8, kind)
    assert float((exact[2] * rounded[2]).sum(1).min()) > 0.99

    def sentence(ids: list[int], types: list[int]) -> np.ndarray:
        given = ([ids], [[1] * len(ids)], [types])
        feed = dict(zip(inputs_of(kind), map(np.array, given), strict=True))
        return open_session(float32).run(["sentence"], feed)[0]

    alone = sentence([2, 7, 3], [0, 0, 0])
    assert np.abs(sentence([2, 7, 3, 9, 3], [0, 0, 0, 1, 1]) - alone).max() > 1e-3
    as_text = sentence([2, 7, 3, 9, 3], [0, 0, 0, 0, 0])
    assert np.abs(sentence([2, 7, 3, 9, 3], [0, 0, 0, 1, 1]) - as_text).max() > 1e-3


def test_a_graph_that_answers_otherwise_is_refused(model: JointModel, tmp_path: Path):
    onnx.save(bert_graph(model), tmp_path / "float32.onnx")
    other = JointModel(model.encoder, 4, 7).eval()
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        other.tag_head.bias[3] += 2e-4
    with pytest.raises(ExportError, match=r"tag_logits differ from torch's by 0\.0002"):
        check(other, tmp_path / "float32.onnx")


def test_a_graph_that_answers_no_numbers_is_refused(model: JointModel, tmp_path: Path):
    broken = JointModel(model.encoder, 4, 7).eval()
    with torch.no_grad():
        broken.intent_head.bias[0] = float("nan")
    onnx.save(bert_graph(broken), tmp_path / "float32.onnx")
    with pytest.raises(ExportError, match="intent_logits"):
        check(broken, tmp_path / "float32.onnx")


def test_int8_may_change_few_intents():
    check_agreement([1] * 100, [1] * 98 + [2] * 2)
    with pytest.raises(ExportError, match=r"intent of 4\.0% of the training sentences"):
        check_agreement([1] * 100, [1] * 96 + [2] * 4)


@pytest.mark.parametrize("name", ["model", "other"])
def test_int8_answers_a_sentence_alike_alone_and_among_others(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
):
    kind: JointModel = request.getfixturevalue(name)
    export(kind, tmp_path / "float32.onnx", tmp_path / "int8.onnx", sentences=typical())
    session = open_session(tmp_path / "int8.onnx")
    rows = sentences(8)
    ids, mask = (np.zeros((8, max(map(len, rows))), dtype=np.int64) for _ in range(2))
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    intents, tags, vectors = session.run(None, {"input_ids": ids, "attention_mask": mask})
    for i, row in enumerate(rows):
        one = np.array([row])
        alone = session.run(None, {"input_ids": one, "attention_mask": np.ones_like(one)})
        among = (intents[i], tags[i, : len(row)], vectors[i])
        for a, b in zip(alone, among, strict=True):
            assert np.abs(a[0] - b).max() < 1e-5


def test_torchscript_answers_as_the_model_and_lies_in_the_bundle_where_it_is_wanted(
    examples, recipe, tmp_path
):
    wanted = msgspec.structs.replace(recipe, epochs=1, small=0, torchscript=True)
    made = make(examples, wanted, tmp_path)
    loaded = read_torchscript(tmp_path / FILE)
    inputs = torch.tensor([[2, 5, 6, 3, 0]]), torch.tensor([[1, 1, 1, 1, 0]])
    with torch.inference_mode():
        for ours, theirs in zip(made.trained.model(*inputs), loaded(*inputs), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-5)
    assert not load_recipe().torchscript


def test_a_recording_that_answers_otherwise_is_refused(tmp_path, monkeypatch):
    class Fickle(torch.nn.Module):
        """What it says hangs on how long the batch was when it was recorded."""

        def forward(self, ids, mask):
            return (ids.float() * ids.shape[1],) * 3 if ids.shape[1] == 5 else (ids.float(),) * 3

    inputs = torch.ones(2, 5, dtype=torch.long)
    monkeypatch.setattr(
        "training.torchscript.example_inputs",
        lambda model, requests, tokens: (inputs[:1, :1].expand(requests, tokens),) * 2,
    )
    with pytest.raises(ExportError, match="answers otherwise on a batch 1x7"):
        write_torchscript(Fickle(), tmp_path / "model.pt")
