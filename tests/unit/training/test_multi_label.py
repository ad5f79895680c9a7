"""Learning messages with several intents."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from bot.project.project import Component, Config, Project
from nlu.bundle import open_bundle
from nlu.registry import Registry
from training.multi_label import Targets, each_apart, is_name, several_of, with_names
from training.publish import build
from training.recipe import Recipe

from .conftest import example

pytestmark = pytest.mark.torch

PLUS = {"intent_tokenization_flag": True, "intent_split_symbol": "+"}


def test_intents_are_in_the_order_in_which_labels_name_them():
    several = several_of(["greet+order", "greet+bye", "order+bye", "zap", "bye"], "+")
    assert several is not None
    assert several.intents == ("greet", "order", "zap", "bye")
    assert several.combinations == ("bye", "greet+bye", "greet+order", "order+bye", "zap")


@pytest.mark.parametrize("labels", [["a", "b"], ["a+", "b"], ["+"], []])
def test_labels_of_one_intent_each_are_none_of_several(labels):
    assert several_of(labels, "+") is None
    assert several_of(["a+b"], "") is None


def test_the_name_of_each_of_several_intents_is_an_example_of_it():
    told = [example("greet+ask_the-price", "hi, how much?"), example("42", "the answer")]
    names = [(e.text, e.intent) for e in with_names(told, "+")[2:]]
    assert names == [("greet", "greet"), ("42", "42"), ("ask the price", "ask_the-price")]
    assert with_names(told, "") == told
    more = with_names([example("+-", "x"), example("a+b", "y")], "+")
    assert [(e.text, e.intent) for e in more[2:]] == [("a", "a"), ("b", "b")]
    assert [is_name(e) for e in more] == [False, False, True, True]


def test_the_loss_is_least_where_each_intent_is_told_apart():
    several = several_of(["a+b", "c"], "+")
    assert several is not None
    targets = Targets.of(several, ["a+b", "c"])
    assert targets.members.tolist() == [[1, 0, 1], [0, 1, 0]]
    labels = torch.tensor([0, 1])
    right = torch.tensor([[5.0, -5.0, 5.0], [-5.0, 5.0, -5.0]])
    unsure = targets.losses(torch.zeros(2, 3), labels).mean()
    assert targets.losses(right, labels).mean() < 0.1 < unsure
    assert unsure < targets.losses(-right, labels).mean()


def test_the_head_begins_by_telling_an_intents_sentences_from_the_others():
    several = several_of(["a+b", "a", "b"], "+")
    assert several is not None
    targets = Targets.of(several, ["a", "a+b", "b"])
    vectors = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    head = torch.nn.Linear(2, 2)
    targets.begin(head, vectors, torch.tensor([0, 1, 2]), scale=10.0)
    (a,) = (several.intents.index(name) for name in ("a",))
    logits = head(vectors)
    assert logits[0, a] > 0 > logits[2, a]
    assert logits[2, 1 - a] > 0 > logits[0, 1 - a]


def test_an_intent_is_a_choice_of_two():
    logits, wrong = each_apart(np.array([[3.0, -1.0]], np.float32), [frozenset({0})])
    assert logits.tolist() == [[3.0, 0.0], [-1.0, 0.0]]
    assert wrong.tolist() == [0, 1]


def test_a_project_of_several_intents_becomes_a_bundle_that_answers_with_combinations(
    project: Project, recipe: Recipe, tmp_path: Path
):
    greets, orders = ("hello", "hi there", "hi", "hello hello"), ("order hats", "send me tea")
    orders += ("order tea", "send hats")
    pairs = [("greet", g) for g in greets] + [("order", o) for o in orders]
    pairs += [("bye", b) for b in ("bye", "bye bye", "bye there")]
    pairs += [("greet+order", f"{g}, {o}") for g in greets for o in orders]
    project = replace_nlu(project, [example(intent, text) for intent, text in pairs * 2])
    registry = Registry(tmp_path / "models")
    manifest = build(project, recipe, registry)

    bundle = open_bundle(registry.folder(manifest.version))
    assert manifest.intents == ("greet", "bye", "order")
    assert manifest.combinations == ("bye", "greet", "greet+order", "order")
    assert manifest.scope == ""
    assert first_of(bundle, "hi, send me tea") == "greet+order"
    assert first_of(bundle, "hello") == "greet"
    assert first_of(bundle, "bye bye") == "bye"


def replace_nlu(project: Project, examples) -> Project:
    return msgspec.structs.replace(
        project,
        nlu=replace_examples(project.nlu, examples),
        config=Config(pipeline=(Component("WhitespaceTokenizer", PLUS),)),
    )


def replace_examples(nlu, examples):
    return msgspec.structs.replace(nlu, examples=tuple(examples), lookups=())


def first_of(bundle, text: str) -> str | None:
    from nlu.model import Reading

    [scores] = bundle.model.read([Reading(text, bundle.model.tokenizer)])
    return bundle.ranking(scores)[0].name
