"""Layers, heads and columns taken out of an encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch

from bot.errors import SettingsError
from bot.project.project import Example
from training.encoders import load_encoder
from training.export import check, export
from training.make import make
from training.model import JointModel
from training.pruning import keep_layers, keep_parts, layers_of
from training.recipe import Recipe
from training.train import train

from .test_export import typical

pytestmark = pytest.mark.torch

IDS = torch.randint(5, 40, (6, 9), generator=torch.Generator().manual_seed(3))
MASK = torch.ones_like(IDS)


@pytest.fixture
def model(tiny_bert: Path) -> JointModel:
    torch.manual_seed(1)
    return JointModel(load_encoder(str(tiny_bert), 32), 4, 7).eval()


def pruned(model: JointModel, **kept: int) -> JointModel:
    def losses() -> Iterator[torch.Tensor]:
        outputs = model(IDS, MASK)
        yield outputs.intent_logits.square().sum() + outputs.tag_logits.square().sum()

    keep_parts(model.encoder, losses, **{"heads": 0, "columns": 0} | kept)
    return model


def silence(model: JointModel) -> None:
    """The first head of each layer, and all but the last ten of its 64 columns, say nothing."""
    for layer in layers_of(model.encoder):
        with torch.no_grad():
            layer.attention.output.dense.weight[:, :16] = 0
            layer.output.dense.weight[:, :54] = 0


@pytest.mark.parametrize("frozen", [0.0, 0.5])
def test_what_says_nothing_is_taken_out_and_nothing_changes(tiny_bert: Path, frozen: float):
    model = JointModel(load_encoder(str(tiny_bert), 32), 4, 7, frozen=frozen).eval()
    silence(model)
    before = model(IDS, MASK)
    after = pruned(model, heads=1, columns=10)(IDS, MASK)
    for one, other in zip(before, after, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    for number, layer in enumerate(layers_of(model.encoder)):
        assert layer.attention.self.query.weight.shape == (16, 32)
        assert layer.attention.output.dense.weight.shape == (32, 16)
        assert layer.intermediate.dense.weight.shape == (10, 32)
        assert layer.output.dense.weight.shape == (32, 10)
        learns = not frozen or number == 1
        assert all(each.requires_grad == learns for each in layer.parameters())
    assert all(each.grad is None for each in model.encoder.parameters())


def test_the_graph_of_what_is_left_answers_as_it_does_and_is_smaller(
    model: JointModel, tmp_path: Path
):
    sizes = []
    for name in ("whole", "pruned"):
        graph = tmp_path / f"{name}.onnx"
        export(model, graph, tmp_path / f"{name}8.onnx", sentences=typical())
        check(model, graph)
        sizes.append(graph.stat().st_size)
        pruned(model, heads=1, columns=16)
    assert sizes[1] < 0.75 * sizes[0]


def test_the_lower_layers_are_kept(tiny_bert: Path):
    encoder = load_encoder(str(tiny_bert), 32)
    first = layers_of(encoder)[0]
    keep_layers(encoder, 1)
    assert list(layers_of(encoder)) == [first]
    assert encoder.config.num_hidden_layers == 1


def test_a_pruned_encoder_learns_and_is_served(
    recipe: Recipe, examples: list[Example], tmp_path: Path
):
    smaller = msgspec.structs.replace(recipe, layers=1, heads=1, columns=32)
    made = make(examples, smaller, tmp_path)
    [said] = made.ask([Example("order red socks", "order")])
    assert said.intent == "order"
    assert [(e.entity, e.value) for e in said.entities] == [("colour", "red")]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"layers": 3}, "layers is 3; the encoder has 2"),
        ({"heads": 3}, "heads is 3; a layer of the encoder has 2"),
        ({"columns": 65}, "columns is 65; a layer of the encoder has 64"),
    ],
)
def test_more_than_there_is_cannot_be_kept(
    recipe: Recipe, examples: list[Example], wanted: dict[str, int], told: str
):
    with pytest.raises(SettingsError, match=told):
        train(examples, msgspec.structs.replace(recipe, **wanted))


def test_heads_of_another_kind_of_encoder_are_left_alone():
    from transformers import DistilBertConfig, DistilBertModel

    config = DistilBertConfig(
        vocab_size=90, dim=32, n_layers=2, n_heads=2, hidden_dim=64, max_position_embeddings=40
    )
    encoder = DistilBertModel(config)
    with pytest.raises(SettingsError, match="taken out of a BERT; the encoder is a distilbert"):
        keep_parts(encoder, lambda: iter(()), heads=1, columns=0)
    keep_layers(encoder, 1)
    assert JointModel(encoder, 2, 3)(IDS, MASK).sentence.shape == (6, 32)
