"""The starter project, whole: its trained model, its real action server, its conversations.

`make test` trains the model first; nothing here is scripted.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.actions.remote import RemoteActions
from bot.children import actions
from bot.dialogue.events import SlotSet, UserUttered
from bot.dialogue.tracker import Tracker
from bot.model.nlu import open_understanding
from bot.model.policy import current_policy
from bot.predict import make_policies
from bot.project.hashes import core_hash
from bot.project.load import load_project
from bot.project.project import Endpoint, Project
from bot.services import Services
from bot.testing.services import memory_services
from bot.testing.transcripts import Transcript, load_transcripts, run_transcript
from nlu.bundle import Bundle, open_bundle
from nlu.policy import PolicyModel
from nlu.registry import Registry

pytestmark = [pytest.mark.services, pytest.mark.torch]
CHECKOUT = Path(__file__).parents[2]
STARTER = CHECKOUT / "data/starter"
ACTIONS_PYTHON = Path(
    os.environ.get("PARLEY_ACTIONS_PYTHON", CHECKOUT / ".venv-actions/bin/python")
)
HANDOFF = "action_human_handoff"
TRANSCRIPTS = load_transcripts(STARTER / "tests/conversations")


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(STARTER)


@pytest.fixture(scope="module")
def bundle(project: Project) -> Bundle:
    registry = Registry(STARTER / "models")
    version = registry.current()
    assert version, "data/starter has no model: make train"
    found = open_bundle(registry.folder(version))
    assert found.manifest.data_hash == project.nlu_hash, "data/starter changed: make train"
    return found


@pytest.fixture(scope="module")
def action_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        shop = tmp_path_factory.mktemp("shop") / "shop.db"
        patch.setenv("SHOP_DATABASE_URL", f"sqlite:///{shop}")
        child, url = actions.start(STARTER, actions.interpreter(ACTIONS_PYTHON))
    child.wait_until(lambda: actions.is_ready(url), within_s=60)
    yield url
    child.stop()


@pytest.fixture(scope="module")
def learned(project: Project) -> PolicyModel:
    model = current_policy(project, STARTER / "models")
    assert model, "data/starter has no policy model: make train"
    assert model.manifest.data_hash == core_hash(project), "data/starter changed: make train"
    return model


@pytest.fixture
async def parley(
    project: Project, bundle: Bundle, learned: PolicyModel, action_url: str
) -> AsyncIterator[Services]:
    async with (
        RemoteActions(Endpoint(action_url)) as remote,
        open_understanding(project, STARTER / "models") as nlu,
    ):
        services = memory_services(project, nlu, remote)
        policies = make_policies(project, learned)
        yield replace(services, bot=replace(services.bot, policies=policies))


def test_there_are_enough_conversations():
    assert len(TRANSCRIPTS) >= 30


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda each: each.name)
async def test_the_conversation_goes_as_told(transcript: Transcript, parley: Services):
    result = await run_transcript(transcript, parley)
    assert result.passed, str(result)
    waiting = [each.reason for each in await parley.log.handoffs(taken=False)]
    assert waiting == [HANDOFF] * (HANDOFF in str(transcript)), "who wants a person waits for one"


async def test_a_call_that_comes_again_is_answered_as_the_first_was_and_changes_nothing(
    project: Project, action_url: str
) -> None:
    """Its order is cancelled for the first call; a call of another message finds it cancelled."""

    async def asked(message_id: str) -> tuple[list[object], list[object]]:
        slots = {"order_number": "20433", "email": "x@example.org", "confirmed": True}
        told = [SlotSet(name=name, value=value) for name, value in slots.items()]
        said = UserUttered(text="yes", message_id=message_id)
        tracker = Tracker.start("ann", project.domain).apply_all([*told, said])
        answer = await remote.run(
            "action_report_problem",
            tracker.apply_all([SlotSet(name="item", value=message_id)]).apply(
                SlotSet(name="problem", value="damaged")
            ),
            project.domain,
            call_id="unseen",
        )
        return list(answer.responses), list(answer.events)

    async with RemoteActions(Endpoint(action_url)) as remote:
        first, again = await asked("m-1"), await asked("m-1")
        other = await asked("m-2")
    assert first == again
    assert first[0]
    assert other[0] != first[0]


def test_the_model_understands_held_out_sentences(bundle: Bundle):
    scores = bundle.manifest.scores["int8"]
    assert scores["sentences"] >= 300
    assert scores["intent_accuracy"] >= 0.92
    assert scores["entity_f1"] >= 0.90


def test_int8_weights_cost_less_than_half_a_point(bundle: Bundle):
    scores = bundle.manifest.scores
    for measure in ("intent_accuracy", "entity_f1"):
        assert scores["int8"][measure] >= scores["float32"][measure] - 0.005
