"""Layers learn at rates of their own."""

from __future__ import annotations

import msgspec
import pytest
import torch
from transformers import BertConfig, BertModel

from bot.project.project import Project
from training.pruning import layers_of
from training.rates import encoder_groups
from training.recipe import Recipe
from training.train import train

pytestmark = pytest.mark.torch


@pytest.fixture
def encoder() -> BertModel:
    shape = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 9}
    return BertModel(BertConfig(num_hidden_layers=3, **shape))


def count(parameters) -> int:
    return sum(each.numel() for each in parameters)


def test_each_layer_learns_less_than_the_one_above_and_the_embeddings_least(encoder: BertModel):
    groups = encoder_groups(encoder, 1.0, 0.5)
    assert [group.rate for group in groups] == [1.0, 0.5, 0.25, 0.125]
    assert {id(each) for each in groups[0].parameters} == {
        id(each) for each in encoder.encoder.layer[2].parameters()
    }
    assert any(each is encoder.embeddings.word_embeddings.weight for each in groups[3].parameters)
    assert sum(count(group.parameters) for group in groups) == count(encoder.parameters())


@pytest.mark.parametrize("decay", [0.5, 1.0])
def test_what_is_frozen_stays_so(encoder: BertModel, decay: float):
    encoder.requires_grad_(False)
    encoder.encoder.layer[2].requires_grad_(True)
    (group,) = encoder_groups(encoder, 1.0, decay)
    assert group.rate == 1.0
    assert count(group.parameters) == count(encoder.encoder.layer[2].parameters())


def test_with_a_steep_decay_the_lower_layers_hardly_move(project: Project, recipe: Recipe):
    def layers(**numbers: float) -> list[torch.Tensor]:
        """The weights of each layer after a little training."""
        brief = msgspec.structs.replace(recipe, epochs=3, **numbers)
        stack = layers_of(train(project.nlu.examples, brief).model.encoder)
        return [
            torch.cat([each.detach().flatten() for each in layer.parameters()]) for layer in stack
        ]

    still = layers(encoder_rate=1e-12)
    even, steep = (
        [float((x - y).abs().mean()) for x, y in zip(layers(layer_decay=decay), still, strict=True)]
        for decay in (1.0, 0.01)
    )
    assert steep[0] < 0.05 * even[0]
    assert steep[1] > 0.3 * even[1]
