"""A story tells a user's very words; users say them in other words."""

from __future__ import annotations

import shutil
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from structlog.testing import capture_logs

from bot.dialogue.domain import Domain, IntentSpec, Variation
from bot.dialogue.learned import unread
from bot.dialogue.messages import Message
from bot.dialogue.stories import ActionStep, OrStep, Story, UserStep
from bot.model.policy import current_policy, policy_registry, sentences_for, told_texts
from bot.predict import make_policies
from bot.project.project import Component, Config, Example, NluData, Project
from bot.services import Services
from bot.store.memory import MemoryTrackers
from bot.testing.services import HandClock, ScriptedNlu, memory_services
from bot.turn import take_turn
from nlu.bundle import open_bundle
from nlu.pipeline import Nlu, Pipeline, serve
from nlu.registry import Registry
from tests.unit.nlu.conftest import VOCABULARY, tiny_graph, write_bundle
from training.policy_publish import build_policy
from training.policy_recipe import adjusted, load_policy_recipe
from training.work import Work, core_work

pytestmark = pytest.mark.torch

ABOUT = {  # words of one topic mean the same
    "tea": 0,
    "cafe": 0,
    "berlin": 1,
    "york": 1,
    "new": 2,
    "green": 2,
    "hello": 3,
    "bye": 4,
    "order": 5,
    "open": 6,
    "price": 7,
}
TOLD = (
    Story(
        "a cafe",
        (
            UserStep(text="tea berlin"),
            ActionStep(bot_text="Try the one by the river."),
            UserStep(text="new price"),
            ActionStep(bot_text="Four euros."),
        ),
    ),
    Story("a bargain", (UserStep(text="price"), ActionStep(bot_text="It depends."))),
    Story("greet", (UserStep("greet"), ActionStep("utter_greet"))),
)
RIVER, FOUR = "Try the one by the river.", "Four euros."


def graph() -> bytes:
    """The tiny model, its sentences the directions in which their words' topics point."""
    model = onnx.load_from_string(tiny_graph())
    topics = np.eye(max(ABOUT.values()) + 1, dtype=np.float32)
    table = np.array([topics[ABOUT[p]] if p in ABOUT else 0 * topics[0] for p in VOCABULARY])
    del model.graph.node[-1], model.graph.output[-1]
    model.graph.initializer.append(numpy_helper.from_array(table, "topics"))
    model.graph.node.extend(
        [
            helper.make_node("Gather", ["topics", "input_ids"], ["each"]),
            helper.make_node("Mul", ["each", "column"], ["heard"]),
            helper.make_node("ReduceSum", ["heard", "middle"], ["all"], keepdims=0),
            helper.make_node("ReduceL2", ["all", "last"], ["length"]),
            helper.make_node("Div", ["all", "length"], ["sentence"]),
        ]
    )
    shape = ("requests", len(topics))
    model.graph.output.append(helper.make_tensor_value_info("sentence", TensorProto.FLOAT, shape))
    written: bytes = model.SerializeToString()
    return written


@pytest.fixture(scope="module")
def project() -> Project:
    domain = Domain(
        intents={name: IntentSpec(name) for name in ("greet", "bye", "order")},
        responses={"utter_greet": (Variation(text="Hi!"),)},
        e2e_actions=(RIVER, FOUR, "It depends."),
    )
    examples = tuple(Example(text=word, intent=word) for word in ("hello", "bye", "order"))
    policies = (
        Component("MemoizationPolicy"),
        Component("TEDPolicy", {"max_history": 4, "epochs": 50}),
    )
    return Project("cafe", domain, NluData(examples), TOLD, Config(policies=policies))


@pytest.fixture(scope="module")
def trained(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with a bundle and the policy model that reads with it."""
    models = tmp_path_factory.mktemp("models")
    write_bundle(models / "v1", graph=graph())
    (models / "current").write_text("v1")
    recipe = adjusted(load_policy_recipe(), project)
    build_policy(project, recipe, policy_registry(models), bundles=Registry(models))
    return models


@pytest.fixture
def models(trained: Path, tmp_path: Path) -> Path:
    """A registry of one's own."""
    return shutil.copytree(trained, tmp_path / "models")


async def opened(project: Project, models: Path, stack: AsyncExitStack) -> Services:
    """Parley as after a start of its server: nothing was read yet."""
    served = await stack.enter_async_context(serve(open_bundle(models / "v1")))
    nlu = Nlu(Pipeline(), served)
    model = current_policy(project, models)
    sentences = sentences_for(model, nlu)
    assert sentences is not None
    parley = memory_services(project, nlu, NoActions(), clock=HandClock())
    policies = make_policies(project, model, sentences.of)
    return replace(parley, bot=replace(parley.bot, policies=policies, sentences=sentences))


class NoActions:
    async def run(self, *_: object, **__: object) -> None:
        raise AssertionError


async def say(text: str, parley: Services) -> list[str]:
    await parley.log.accept(Message("ada", text))
    waiting = await parley.log.waiting("ada")
    assert waiting is not None
    return [str(reply.text) for reply in (await take_turn(waiting, parley)).replies]


async def test_a_story_is_followed_though_its_words_were_never_said_so(
    project: Project, models: Path
):
    async with AsyncExitStack() as stack:
        parley = await opened(project, models, stack)
        assert await say("york cafe", parley) == [RIVER]
        assert await say("green price", parley) == [FOUR]


async def test_words_do_not_count_where_they_are_nothing_like_those_of_a_story(
    project: Project, models: Path
):
    async with AsyncExitStack() as stack:
        parley = await opened(project, models, stack)
        assert await say("hello", parley) == ["Hi!"]
        assert RIVER not in await say("order", parley)


async def test_without_the_vectors_other_words_are_not_followed(project: Project, models: Path):
    async with AsyncExitStack() as stack:
        parley = await opened(project, models, stack)
        policies = make_policies(project, current_policy(project, models), unread)
        parley = replace(parley, bot=replace(parley.bot, policies=policies, sentences=None))
        assert RIVER not in await say("york cafe", parley)


async def test_what_was_said_before_a_restart_is_read_again(project: Project, models: Path):
    async with AsyncExitStack() as stack:
        before = await opened(project, models, stack)
        assert await say("york cafe", before) == [RIVER]
        after = await opened(project, models, stack)
        after = replace(after, log=before.log, trackers=MemoryTrackers())
        assert after.bot.sentences is not None
        assert after.bot.sentences.of("york cafe") is None
        assert await say("green price", after) == [FOUR]
        assert after.bot.sentences.of("york cafe") is not None


async def test_a_bundle_it_did_not_learn_with_reads_nothing_for_it(project: Project, models: Path):
    model = current_policy(project, models)
    with capture_logs() as logs:
        assert sentences_for(model, ScriptedNlu({})) is None
    assert "NLU model v1, which does not serve" in logs[0]["hint"]


def test_it_is_trained_again_when_the_bundle_is_another(project: Project, models: Path):
    bundles = Registry(models)

    def work(*, nlu_waits: bool = False) -> Work:
        found = core_work(
            project,
            load_policy_recipe(),
            policy_registry(models),
            bundles=bundles,
            nlu_waits=nlu_waits,
            force=False,
        )
        assert found is not None
        return found

    assert work().why == ""
    assert "NLU model" in work(nlu_waits=True).why
    write_bundle(models / "v2", graph=graph(), version="v2")
    bundles.use("v2")
    assert "NLU model" in work().why
    work().run(lambda step: None, lambda line: None)
    assert work().why == ""


def test_stories_without_words_need_no_bundle(project: Project, models: Path):
    plain = msgspec.structs.replace(project, stories=TOLD[2:])
    recipe = adjusted(load_policy_recipe(), plain)
    manifest = build_policy(plain, recipe, policy_registry(models), bundles=Registry(models))
    assert manifest.nlu_version == ""
    assert not any(name.startswith("words ") for name in manifest.columns)


def test_the_words_of_stories_are_those_of_users_in_them_alternatives_too():
    told = Story("a", (OrStep((UserStep(text="one"), UserStep("intent"))), UserStep(text="two")))
    rule = Story("b", (UserStep(text="three"),), is_rule=True)
    assert told_texts([told, rule, told]) == ("one", "two")
