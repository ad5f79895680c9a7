from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bot.errors import ProjectError
from bot.project.project import NluData, Project
from nlu.bundle import open_bundle
from nlu.manifest import EntityLabel, Extractors
from nlu.model import Reading
from nlu.registry import Registry
from training.evaluate import answer
from training.make import hold_out
from training.publish import build
from training.recipe import Recipe, load_recipe

from .conftest import example

pytestmark = pytest.mark.torch

TESTS = [
    example("greet", "Hi, hi!"),
    example("order", "send me green tea", colour="green"),
    example("order", "order me blue hats!", colour="blue"),
    example("faq/where", "where is my order"),
]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def test_a_project_becomes_a_bundle_that_answers(
    project: Project, recipe: Recipe, registry: Registry
):
    lines: list[str] = []
    manifest = build(project, recipe, registry, tests=TESTS, report=lines.append)

    assert registry.current() == manifest.version
    folder = registry.folder(manifest.version)
    bundle = open_bundle(folder)
    assert bundle.manifest == manifest
    assert manifest.intents == ("faq/bye", "faq/where", "greet", "order")
    assert manifest.labels == (EntityLabel("colour"),)
    assert (manifest.data_hash, manifest.recipe_hash) == ("of the data", recipe.hash)
    assert bundle.extractors == Extractors(
        lookups={"colour": ("teal", "red")}, synonyms={"crimson": "red"}
    )
    assert load_recipe(folder / "recipe.toml") == recipe
    [said] = answer(bundle.model, ["order red socks"], manifest.intents, manifest.labels)
    assert said.intent == "order"
    assert [(e.entity, e.value) for e in said.entities] == [("colour", "red")]

    scores = json.loads((folder / "scores.json").read_text())
    assert scores["scored"] == "tests"
    assert scores["int8"]["sentences"] == 4
    assert all(0 <= scores["calibration_error"][name] <= 1 for name in ("plain", "served"))
    left_out = [pair["training"] for pair in scores["overlap"]["left_out"]]
    assert "order me blue hats" in left_out
    assert "hi hi" in left_out
    assert any(line.startswith(f"{len(left_out)} examples left out") for line in lines)


def test_a_published_model_answers_a_sentence_alike_alone_and_beside_others(
    project: Project, recipe: Recipe, registry: Registry
):
    folder = registry.folder(build(project, recipe, registry, tests=TESTS).version)
    bundle = open_bundle(folder)
    assert bundle.batches
    tokenizer = bundle.model.tokenizer
    texts = [one.text for one in (*TESTS, *project.nlu.examples)]
    texts.append("hello there, where is my order of 12 red hats? send me 30-40 more of them")
    together = bundle.model.read([Reading(text, tokenizer) for text in texts])
    for text, beside in zip(texts, together, strict=True):
        [alone] = bundle.model.read([Reading(text, tokenizer)])
        assert np.abs(alone.intents - beside.intents).max() < 1e-5, text
        assert np.abs(alone.tags - beside.tags).max() < 1e-5, text


def test_without_tests_what_was_kept_back_is_scored(
    project: Project, recipe: Recipe, registry: Registry
):
    recipe = msgspec.structs.replace(recipe, epochs=1, holdout=0.25)
    manifest = build(project, recipe, registry)
    scores = json.loads((registry.folder(manifest.version) / "scores.json").read_text())
    assert scores["scored"] == "kept back"
    assert scores["int8"]["sentences"] == scores["training"]["kept_back"] == 8
    assert scores["overlap"] == {}


def test_a_run_that_is_stopped_leaves_nothing(
    project: Project, recipe: Recipe, registry: Registry, monkeypatch: pytest.MonkeyPatch
):
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("training.make.check_agreement", stopped)
    with pytest.raises(KeyboardInterrupt):
        build(project, msgspec.structs.replace(recipe, epochs=1), registry)
    assert registry.current() is None
    assert list(registry.root.iterdir()) == []


def test_a_project_without_examples_is_told_so(
    project: Project, recipe: Recipe, registry: Registry
):
    empty = msgspec.structs.replace(project, nlu=NluData())
    with pytest.raises(ProjectError, match="no examples"):
        build(empty, recipe, registry)


def test_each_intent_with_enough_examples_gives_a_share():
    examples = [example("many", str(i)) for i in range(40)]
    examples += [example("few", str(i)) for i in range(7)]
    fitting, back = hold_out(examples, 0.1, seed=1)
    assert [e.intent for e in back] == ["many"] * 4
    assert sorted(fitting + back, key=examples.index) == examples
    assert hold_out(examples, 0.1, seed=1) == (fitting, back)
    assert hold_out(examples, 0.0, seed=1) == (examples, [])


def test_of_small_intents_some_give_one_example_and_no_share_is_lost():
    examples = [example(f"intent {i}", str(i)) for i in range(100) for _ in range(10)]
    _, back = hold_out(examples, 0.05, seed=1)
    assert 30 < len(back) < 70
    assert len({each.intent for each in back}) == len(back)


@pytest.mark.parametrize(
    ("share", "more", "found"),
    [
        (0.15, (), ("scope.npz", "")),
        (0.15, ("out_of_scope",), ("scope.npz", "out_of_scope")),
        (0.0, ("out_of_scope",), ("", "out_of_scope")),
    ],
)
def test_a_bundle_tells_what_is_out_of_scope_unless_the_recipe_wants_none(
    project: Project,
    recipe: Recipe,
    registry: Registry,
    share: float,
    more: tuple[str, ...],
    found: tuple[str, str],
):
    recipe = msgspec.structs.replace(recipe, epochs=1, out_of_scope=share)
    examples = project.nlu.examples + tuple(example(intent, "is it red?") for intent in more)
    nlu = msgspec.structs.replace(project.nlu, examples=examples)
    manifest = build(msgspec.structs.replace(project, nlu=nlu), recipe, registry)
    bundle = open_bundle(registry.folder(manifest.version))
    assert (manifest.scope, manifest.outside) == found
    assert ("scope.npz" in manifest.files) == (bundle.scope is not None) == bool(share)
    [scores] = bundle.model.read([Reading("hello", bundle.model.tokenizer)])
    total = sum(intent.confidence for intent in bundle.ranking(scores, most=0))
    assert total == pytest.approx(1) if more or not share else total < 1
