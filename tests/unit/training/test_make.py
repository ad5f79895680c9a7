from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from bot.project.project import Example
from training.checkpoint import Checkpoint
from training.encoders import load_encoder
from training.make import make
from training.recipe import Recipe
from training.step import Step, half

pytestmark = pytest.mark.torch


@pytest.fixture
def twice(recipe: Recipe) -> Recipe:
    return msgspec.structs.replace(recipe, epochs=2, small=1000, small_steps=0, small_holdout=0.25)


def test_a_small_set_is_learnt_without_what_is_kept_back_and_then_with_it(
    examples: list[Example], twice: Recipe, tmp_path: Path
):
    steps: list[Step] = []
    made = make(examples, twice, tmp_path, watch=steps.append)
    assert made.apart is not None
    assert made.kept_back
    assert len(made.apart.fitting) + len(made.kept_back) == len(examples)
    assert list(made.fitting) == examples
    assert steps[-1].done == steps[-1].total
    assert made.seconds > made.apart.seconds


def test_confidences_mean_what_was_found_on_what_was_kept_back(
    examples: list[Example], twice: Recipe, tmp_path: Path
):
    made = make(examples, twice, tmp_path)
    assert made.apart is not None
    before, after = made.apart.confidence, made.confidence
    assert after.temperature == before.temperature
    assert after.thresholds == before.thresholds
    assert before.scope is not None
    assert after.scope is not None
    assert np.array_equal(after.scope.weights, before.scope.weights)
    assert after.scope.bias == before.scope.bias
    assert len(after.scope.vectors) > len(before.scope.vectors)
    assert not np.allclose(after.scope.centres, before.scope.centres)


def test_a_large_set_is_learnt_once(examples: list[Example], twice: Recipe, tmp_path: Path):
    recipe = msgspec.structs.replace(twice, small=len(examples) - 1, holdout=0.25)
    made = make(examples, recipe, tmp_path)
    assert made.apart is None
    assert len(made.fitting) + len(made.kept_back) == len(examples)


@pytest.mark.parametrize("entities", [False, True])
def test_lower_layers_are_frozen_where_a_small_set_has_no_entities(
    examples: list[Example], twice: Recipe, tmp_path: Path, *, entities: bool
):
    recipe = msgspec.structs.replace(twice, epochs=1, small_frozen=0.5, small_holdout=0.0)
    if not entities:
        examples = [msgspec.structs.replace(each, entities=()) for each in examples]
    encoder = make(examples, recipe, tmp_path).trained.model.encoder
    before = load_encoder(recipe.encoder, 32).get_input_embeddings().weight
    same = torch.equal(encoder.get_input_embeddings().weight, before)
    assert same is not entities


def test_a_run_killed_in_the_second_training_goes_on_there(
    examples: list[Example], twice: Recipe, tmp_path: Path
):
    class Killed(Exception):
        pass

    def kill(step: Step) -> None:
        if step.done > step.total * 0.8:
            raise Killed

    def unfinished() -> Checkpoint:
        return Checkpoint(tmp_path / "run.safetensors", "key", every_s=0.0)

    with pytest.raises(Killed):
        make(examples, twice, tmp_path, watch=kill, checkpoint=unfinished())
    steps: list[Step] = []
    checkpoint = unfinished()
    make(examples, twice, tmp_path, watch=steps.append, checkpoint=checkpoint)
    assert len(steps) < 0.6 * steps[-1].total  # the last of the two epochs of each
    checkpoint.remove()
    assert not list(tmp_path.glob("*.safetensors"))


def test_two_runs_are_told_as_one():
    told: list[Step] = []
    half(told.append, 0)(Step(3, 10, 0.5))
    half(told.append, 1)(Step(3, 10, 0.4))
    assert told == [Step(3, 20, 0.5), Step(13, 20, 0.4)]


def test_a_small_set_without_entities_learns_more_above_than_below(
    examples: list[Example], twice: Recipe, tmp_path: Path
):
    bare = [msgspec.structs.replace(each, entities=()) for each in examples]
    recipe = msgspec.structs.replace(twice, epochs=1, small_decay=1e-6, small_holdout=0.0)
    before = load_encoder(recipe.encoder, 32).get_input_embeddings().weight
    learned, still = (
        make(some, recipe, tmp_path).trained.model.encoder.get_input_embeddings().weight
        for some in (examples, bare)
    )
    assert torch.allclose(still, before, atol=1e-6)
    assert not torch.allclose(learned, before, atol=1e-6)
