from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import torch

from bot.errors import ProjectError
from bot.project.hashes import WEIGHT
from bot.project.project import Example
from training.checkpoint import Checkpoint
from training.dataset import Encoder, Labels
from training.encoders import load_encoder, load_tokenizer
from training.loop import ramp
from training.model import JointModel
from training.recipe import Recipe
from training.train import Step, begin_at_means, open_tokenizer, overlap, sentence_vectors
from training.train import train as train_model

from .conftest import example

pytestmark = pytest.mark.torch


def brief(recipe: Recipe, **changes: object) -> Recipe:
    return msgspec.structs.replace(recipe, **{"epochs": 2, **changes})


def test_the_loss_falls_until_intents_and_entities_are_learnt(
    examples: list[Example], recipe: Recipe
):
    steps: list[Step] = []
    trained = train_model(examples, recipe, watch=steps.append)
    assert [step.done for step in steps] == list(range(1, steps[0].total + 1))
    assert steps[-1].loss < steps[0].loss / 3
    rows = Encoder(_tokenizer(recipe), trained.labels).rows(examples)
    right = 0
    for row in rows:
        ids = torch.tensor([row.ids])
        with torch.inference_mode():
            right += (
                int(trained.model(ids, torch.ones_like(ids)).intent_logits.argmax()) == row.intent
            )
    assert right / len(rows) > 0.95


def test_the_same_inputs_make_the_same_weights(examples: list[Example], recipe: Recipe):
    first, second = (train_model(examples, brief(recipe)).model.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_of_two_labels_for_the_same_words_the_heavier_is_learnt(
    examples: list[Example], recipe: Recipe
):
    wrong = msgspec.structs.replace(example("faq/bye", "hello"), metadata={WEIGHT: 0.1})
    trained = train_model([*examples, *[wrong] * 6], brief(recipe, epochs=15))
    row = Encoder(_tokenizer(recipe), trained.labels).first(example("greet", "hello"))
    ids = torch.tensor([row.ids])
    with torch.inference_mode():
        logits = trained.model(ids, torch.ones_like(ids)).intent_logits[0]
    assert trained.labels.intents[int(logits.argmax())] == "greet"


def test_the_epoch_that_did_best_on_what_was_kept_back_is_the_one_that_counts(
    examples: list[Example], recipe: Recipe, tmp_path: Path
):
    judge = [example("greet", "hello hello"), example("order", "order me blue tea")] * 4
    patient = brief(recipe, epochs=40, patience=2, encoder_rate=2e-2, head_rate=2e-2)
    lines: list[str] = []
    steps: list[Step] = []
    # Labels that only what is kept back has cannot be learnt, and end nothing.
    judge = [*judge, example("order", "red hats", size="hats"), example("sing", "sing hats")]
    whole = train_model(examples, patient, judge=judge, watch=steps.append, report=lines.append)
    assert steps[-1].done < steps[-1].total
    assert 0 < whole.epochs < 40
    assert f"the best epoch was {whole.epochs}" in lines

    def stopped(step: Step) -> None:
        if step.done == steps[-1].done - 1:
            raise KeyboardInterrupt

    checkpoint = Checkpoint(tmp_path / "run.safetensors", "key", every_s=0)
    with pytest.raises(KeyboardInterrupt):
        train_model(examples, patient, judge=judge, watch=stopped, checkpoint=checkpoint)
    again = train_model(examples, patient, judge=judge, checkpoint=checkpoint)
    assert again.epochs == whole.epochs
    ours, theirs = again.model.state_dict(), whole.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_rates_fall_in_a_line_or_as_a_cosine():
    line = [ramp(step, 100, 0.1) for step in range(100)]
    wave = [ramp(step, 100, 0.1, "cosine") for step in range(100)]
    assert line[:10] == wave[:10]
    assert line[55] == pytest.approx(0.5)
    assert wave[55] == pytest.approx(0.5)
    assert wave[30] > line[30]
    assert wave[80] < line[80]


def test_another_seed_makes_other_weights(examples: list[Example], recipe: Recipe):
    first = train_model(examples, brief(recipe)).model.state_dict()
    second = train_model(examples, brief(recipe, seed=8)).model.state_dict()
    assert not torch.equal(first["tag_head.weight"], second["tag_head.weight"])


def test_frozen_layers_stay_as_they_are_and_the_others_learn(
    examples: list[Example], recipe: Recipe
):
    before = load_encoder(recipe.encoder, 32).state_dict()
    after = train_model(examples, brief(recipe), frozen=0.5).model.encoder.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    weights = {name for name in before if "attention.self.key.bias" not in name}  # shifts nothing
    upper = {name for name in weights if name.startswith("encoder.layer.1.")}
    assert upper <= changed <= upper | {"encoder.layer.1.attention.self.key.bias"}


def test_frozen_layers_drop_nothing(recipe: Recipe):
    model = JointModel(load_encoder(recipe.encoder, 32), 1, 1, frozen=0.5).train()
    below, above = model.encoder.encoder.layer
    assert [below.training, above.training, model.dropout.training] == [False, True, True]


def test_less_than_a_layer_freezes_nothing(recipe: Recipe):
    model = JointModel(load_encoder(recipe.encoder, 32), 1, 1, frozen=0.34)
    assert all(value.requires_grad for value in model.parameters())


def test_one_intent_is_certain(recipe: Recipe):
    texts = ("hello", "hi", "hello there")
    trained = train_model([example("greet", text) for text in texts], brief(recipe))
    ids = torch.tensor([[2, 5, 3]])
    with torch.inference_mode():
        logits = trained.model(ids, torch.ones_like(ids)).intent_logits
    assert logits.softmax(-1).tolist() == [[1.0]]


def test_no_examples_are_too_few(recipe: Recipe):
    with pytest.raises(ProjectError, match="no examples"):
        train_model([], recipe)


def test_a_killed_and_resumed_training_gives_the_same_weights(
    examples: list[Example], recipe: Recipe, tmp_path: Path
):
    class Killed(Exception):
        pass

    def kill(step: Step) -> None:
        if step.done == 9:  # within the second of three epochs
            raise Killed

    file = tmp_path / "checkpoint.safetensors"
    three = brief(recipe, epochs=3)
    straight = train_model(examples, three).model.state_dict()
    with pytest.raises(Killed):
        train_model(examples, three, watch=kill, checkpoint=Checkpoint(file, "k", every_s=0))
    lines: list[str] = []
    resumed = train_model(
        examples, three, report=lines.append, checkpoint=Checkpoint(file, "k", every_s=0)
    ).model.state_dict()
    assert "going on after step 5 of 15" in lines
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


def test_one_example_an_intent_and_no_entities_train(recipe: Recipe):
    trained = train_model([example("greet", "hello"), example("bye", "bye")], brief(recipe))
    assert trained.labels == Labels(("bye", "greet"), ())
    assert trained.model.tag_head.out_features == 1
    assert all(value.isfinite().all() for value in trained.model.state_dict().values())


def test_texts_without_any_word_do_no_harm(recipe: Recipe):
    blank = [example("greet", "\u200b"), example("bye", " ")] * 8
    trained = train_model([*blank, example("bye", "bye")], brief(recipe))
    assert all(value.isfinite().all() for value in trained.model.state_dict().values())


def test_a_text_longer_than_the_model_reads_is_learnt_from_whole(recipe: Recipe):
    far = "there " * 40 + "send red hats"
    found = [example("order", far, colour="red"), *(example("greet", "hello") for _ in range(7))]
    lines: list[str] = []
    steps: list[Step] = []
    train_model(found, brief(recipe, typos=1.0), watch=steps.append, report=lines.append)
    assert any(line.startswith("1 examples are longer than 32 tokens") for line in lines)
    assert steps[-1].done == steps[-1].total == 2 * 2  # nine rows or more, eight in a batch
    encode = Encoder(_tokenizer(recipe), Labels.of(found))
    rows = encode.windows(found[0])
    assert len(rows) > 1
    assert [sum(tag > 0 for tag in row.tags) for row in rows] == [0] * (len(rows) - 1) + [1]
    assert encode.first(found[0]) == rows[0]


def test_what_a_run_will_take_is_told(examples: list[Example], recipe: Recipe):
    lines: list[str] = []
    train_model(examples, brief(recipe), report=lines.append)
    assert re.search(r"38 sentences of \d+ tokens, 10 steps; about 0\.0 GB of memory", lines[0])


def test_the_intent_head_begins_as_scaled_cosines(examples: list[Example], recipe: Recipe):
    labels, tokenizer = Labels.of(examples), _tokenizer(recipe)
    model = JointModel(load_encoder(recipe.encoder, 32), len(labels.intents), labels.tags)
    rows = Encoder(tokenizer, labels).rows(examples)
    begin_at_means(model, rows, tokenizer.pad_id, scale=5.0)
    weight = model.intent_head.weight.detach()
    assert weight.norm(dim=-1).tolist() == pytest.approx([5.0] * 4)
    vectors = sentence_vectors(model, rows, tokenizer.pad_id)
    own = vectors[[row.intent == 0 for row in rows]].mean(0)
    cosine = torch.nn.functional.cosine_similarity(own, weight[0], dim=0)
    assert cosine.item() == pytest.approx(1.0, abs=1e-3)


def test_sentence_vectors_come_in_the_order_of_the_rows(examples: list[Example], recipe: Recipe):
    tokenizer = _tokenizer(recipe)
    model = JointModel(load_encoder(recipe.encoder, 32), 1, 1)
    rows = Encoder(tokenizer, Labels(("",), ())).rows(
        [Example(text=text, intent="") for text in ("hello there hello", "bye", "red blue")]
    )
    together = sentence_vectors(model, rows, tokenizer.pad_id)
    alone = torch.cat([sentence_vectors(model, [row], tokenizer.pad_id) for row in rows])
    assert torch.allclose(together, alone, atol=2e-2)  # bfloat16 where the processor has it


def test_a_repeated_sentence_overlaps_wholly(examples: list[Example], recipe: Recipe):
    found = overlap(examples, [example("x", "send red hats")], recipe)
    assert (found.pairs[0].training, found.pairs[0].test) == ("send red hats",) * 2
    assert found.pairs[0].similarity == pytest.approx(1.0, abs=1e-2)


def test_the_learning_rate_rises_and_falls_in_straight_lines():
    rates = [ramp(step, 100, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1.0
    assert rates[55] == pytest.approx(0.5)
    assert 0 < rates[99] < 0.02


def test_a_run_of_one_step_has_a_learning_rate():
    assert ramp(0, 1, 0.06) == 1.0


def _tokenizer(recipe: Recipe):
    return open_tokenizer(load_tokenizer(recipe.encoder, recipe.max_tokens), recipe)
