"""A model that reads contexts, from examples to answers."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bot.dialogue.domain import Domain, Variation
from bot.dialogue.stories import ActionStep, Story, UserStep
from bot.errors import SettingsError
from bot.project.project import Config, Example, NluData, Project
from nlu.bundle import open_bundle
from nlu.parse import Context
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.registry import Registry
from training.publish import build
from training.recipe import Recipe
from training.train import train

from .conftest import example

pytestmark = pytest.mark.torch

RED, BLUE = Context("send red?"), Context("send blue?")
TOLD = {"order": "utter_red", "bye": "utter_blue"}
DOMAIN = Domain(
    responses={
        "utter_red": (Variation(text=RED.bot_text),),
        "utter_blue": (Variation(text=BLUE.bot_text),),
    }
)
METADATA = {
    intent: {"context": {"bot": DOMAIN.responses[name][0].text}} for intent, name in TOLD.items()
}


@pytest.fixture
def in_context(recipe: Recipe) -> Recipe:
    return msgspec.structs.replace(recipe, context_tokens=8, context_dropout=0.1, epochs=40)


@pytest.fixture
def answers() -> list[Example]:
    """What is meant depends on the question alone."""
    return [
        Example(text, intent, contexts=(RED if intent == "order" else BLUE,))
        for text in ("hi there", "hi", "there", "me", "hi me")
        for intent in ("order", "bye")
    ] + [example("order", "send me red socks", colour="red")]


async def test_the_same_words_mean_what_was_asked(
    answers: list[Example], in_context: Recipe, tmp_path: Path
):
    examples = tuple(
        Example(each.text, each.intent, each.entities, METADATA[each.intent]) for each in answers
    )
    stories = tuple(
        Story(name, (ActionStep(name=asked), UserStep(intent=name))) for name, asked in TOLD.items()
    )
    project = Project(str(tmp_path), DOMAIN, NluData(examples=examples), stories, Config())
    registry = Registry(tmp_path / "models")
    manifest = build(project, in_context, registry)
    assert (manifest.context_tokens, manifest.context_turns) == (8, 0)
    async with serve(open_bundle(registry.folder(manifest.version))) as served:
        nlu = Nlu(Pipeline(), served)
        for text in ("hi there", "me"):
            meant = [(await nlu.parse(text, asked)).intent.name for asked in (RED, BLUE)]
            assert meant == ["order", "bye"]
        parse = await nlu.parse("send me red socks", RED)
    assert [(each.entity, each.value) for each in parse.entities] == [("colour", "red")]


def test_without_context_tokens_contexts_change_nothing(answers: list[Example], recipe: Recipe):
    short = msgspec.structs.replace(recipe, epochs=1, context_dropout=0.0)
    bare = [msgspec.structs.replace(each, contexts=()) for each in answers]
    once, again = (train(examples, short).model.state_dict() for examples in (answers, bare))
    assert set(once) == set(again)
    assert all(np.array_equal(once[name].numpy(), again[name].numpy()) for name in once)


def test_an_encoder_too_short_for_text_and_context_is_refused(
    answers: list[Example], recipe: Recipe
):
    long = msgspec.structs.replace(recipe, context_tokens=60)
    with pytest.raises(SettingsError, match="reads 64 tokens"):
        train(answers, long)
