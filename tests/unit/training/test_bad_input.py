"""What people hand to training, from too little to far too much."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from bot.project.config import DEFAULT_PIPELINE
from bot.project.project import Config, Example, NluData, Project
from nlu.bundle import open_bundle
from nlu.parse import Parse
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.registry import Registry
from training.publish import build
from training.recipe import Recipe
from training.work import UNFINISHED, nlu_work

from .conftest import example

pytestmark = pytest.mark.torch


def parses(
    project: Project, examples: list[Example], recipe: Recipe, *texts: str, folder: Path
) -> list[Parse]:
    """What the model that ``examples`` make says of ``texts``, as it is served."""
    registry = Registry(folder / "models")
    trained = msgspec.structs.replace(project, nlu=NluData(examples=tuple(examples)))
    version = build(trained, recipe, registry).version
    bundle = open_bundle(registry.folder(version))

    async def ask() -> list[Parse]:
        async with serve(bundle) as served:
            return [await Nlu(Pipeline(), served).parse(text) for text in texts]

    return asyncio.run(ask())


@pytest.fixture
def brief(recipe: Recipe) -> Recipe:
    return msgspec.structs.replace(recipe, epochs=2, out_of_scope=0.0)


def test_one_intent_is_certain(project: Project, brief: Recipe, tmp_path: Path):
    only = [example("greet", text) for text in ("hello", "hi", "hello there")]
    [parse] = parses(project, only, brief, "where is my order", folder=tmp_path)
    assert (parse.intent.name, parse.intent.confidence) == ("greet", 1.0)
    assert parse.intent_ranking == (parse.intent,)


def test_one_example_an_intent_trains_and_serves(project: Project, recipe: Recipe, tmp_path: Path):
    few = [example("greet", "hello there"), example("bye", "bye"), example("order", "send tea")]
    recipe = msgspec.structs.replace(recipe, out_of_scope=0.0)
    said = parses(project, few, recipe, *(one.text for one in few), folder=tmp_path)
    assert [parse.intent.name for parse in said] == ["greet", "bye", "order"]


def test_five_hundred_intents_train_and_serve(project: Project, brief: Recipe, tmp_path: Path):
    many = [example(f"intent_{n}", f"send {n} {word}") for n in range(500) for word in ("x", "y")]
    # Nothing much is learnt in two epochs, and int8 may tell such intents otherwise.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.make.check_agreement", lambda *columns: None)
        [parse] = parses(project, many, brief, "send 7 x", folder=tmp_path)
    assert len(parse.intent_ranking) == 10
    assert str(parse.intent.name).startswith("intent_")


@pytest.mark.parametrize("name", ["ask weather?", "fähre+宿", "a.b|c", "😀", "x" * 300, "-", "1"])
def test_labels_may_have_any_characters(name: str, project: Project, brief: Recipe, tmp_path: Path):
    text = "send red hats"
    labelled = [example(name, text, **{"colour": "red"}) for _ in range(3)]
    labelled[0] = msgspec.structs.replace(
        labelled[0],
        entities=(msgspec.structs.replace(labelled[0].entities[0], entity=name, role="rôle x"),),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.make.check_agreement", lambda *columns: None)
        [parse] = parses(project, [*labelled, example("greet", "hi")], brief, text, folder=tmp_path)
    assert {intent.name for intent in parse.intent_ranking} == {name, "greet"}


def test_a_training_that_was_killed_goes_on_when_it_is_asked_for_again(
    project: Project, brief: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("training.work.EVERY_S", 0.0)

    class Killed(Exception):
        pass

    def kill(step: object) -> None:
        if getattr(step, "done", 0) == 8:  # of ten, in the second of two epochs
            raise Killed

    (tmp_path / "project").mkdir()
    project = msgspec.structs.replace(
        project, path=str(tmp_path / "project"), config=Config(pipeline=DEFAULT_PIPELINE)
    )
    weights = {}
    for name in ("straight", "killed"):
        registry = Registry(tmp_path / name)
        work = nlu_work(project, brief, registry, force=False)
        assert work is not None
        lines: list[str] = []
        if name == "killed":
            with pytest.raises(Killed):
                work.run(kill, lines.append)
            assert (registry.root / UNFINISHED).is_file()
            assert registry.versions() == ()
        work.run(lambda step: None, lines.append)
        assert any("going on after step 5" in line for line in lines) == (name == "killed")
        assert not (registry.root / UNFINISHED).exists()
        weights[name] = (registry.folder(registry.current() or "") / "model.onnx").read_bytes()
    assert weights["straight"] == weights["killed"]
