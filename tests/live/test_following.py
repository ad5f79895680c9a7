"""A running server follows its registry: promoted versions serve, others are tried."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from bot.review.item import Opinion, ReviewItem, new_id
from bot.store.reviews import open_reviews
from nlu.registry import Registry
from nlu.rollout import Rollout
from tests.command import Run, running, until, write
from tests.unit.nlu.conftest import write_bundle

WEBHOOK = "/webhooks/rest/webhook"
PROJECT = {
    "domain.yml": """
version: "3.1"
intents: [bye, faq, greet, order]
entities: [city, item]
responses:
  utter_greet: [{text: Hello.}]
  utter_bye: [{text: Bye.}]
""",
    "config.yml": """
version: "3.1"
pipeline: [{name: WhitespaceTokenizer}, {name: DIETClassifier}]
policies: [{name: RulePolicy}]
""",
    "data/nlu.yml": """
version: "3.1"
nlu:
- {intent: greet, examples: "- hello"}
- {intent: bye, examples: "- bye"}
""",
    "data/rules.yml": """
version: "3.1"
rules:
- rule: greet
  steps: [{intent: greet}, {action: utter_greet}]
- rule: bye
  steps: [{intent: bye}, {action: utter_bye}]
""",
}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = Registry(tmp_path / "home" / "models")
    for version, use in (("v1", True), ("v2", False)):
        with registry.draft() as draft:
            write_bundle(draft, version=version, created="2026-01-01T00:00:00Z")
            registry.publish(draft, version, use=use)
    return registry


@pytest.fixture
def run(tmp_path: Path, registry: Registry) -> Iterator[Run]:
    project = write(tmp_path / "project", **PROJECT)
    with running(project, tmp_path / "home", None, "--enable-api") as run:
        yield run


def model_of(run: Run, sender: str) -> str:
    """The model that made the last event of a conversation."""
    last = run.events(sender)[-1]
    version: str = last["metadata"]["model_id"]
    return version


def test_a_promoted_version_serves_at_once_and_no_turn_is_lost(run: Run, registry: Registry):
    async def talk(name: str, seen: set[str]) -> None:
        async with httpx2.AsyncClient(base_url=run.url, timeout=60) as client:
            for _ in range(400):
                said = {"sender": name, "message": "hello"}
                answer = await client.post(WEBHOOK, json=said)
                assert [reply["text"] for reply in answer.json()] == ["Hello."]
                seen.add((await client.get("/status")).json()["model_file"])
                if seen == {"v1", "v2"}:
                    return

    async def all_talk() -> list[set[str]]:
        seen: list[set[str]] = [set() for _ in range(4)]
        talking = [asyncio.create_task(talk(f"user {n}", seen[n])) for n in range(4)]
        await asyncio.sleep(0)
        registry.use("v2")
        await asyncio.gather(*talking)
        return seen

    assert run.say("hello") == ["Hello."]
    assert model_of(run, "ann") == "v1"
    asyncio.run(all_talk())
    until(lambda: run.client.get("/status").json()["model_file"] == "v2", "the promotion")
    run.say("hello")
    assert model_of(run, "ann") == "v2"
    registry.roll_back()
    until(lambda: run.client.get("/status").json()["model_file"] == "v1", "the way back")


def test_a_canary_answers_its_conversations_alone_and_ends_when_called_back(
    run: Run, registry: Registry
):
    rollout = Rollout("v2", 0.5, 1.0)
    names = [f"user {n}" for n in range(12)]
    registry.roll_out(rollout)
    until(lambda: "rollout.begun" in run.printed(), "the trial")
    for name in names:
        assert run.say("hello", name) == ["Hello."]
        assert model_of(run, name) == ("v2" if rollout.answers(name) else "v1")
    assert len({model_of(run, name) for name in names}) == 2
    registry.end_rollout()
    until(lambda: "rollout.ended" in run.printed(), "its end")
    for name in names:
        run.say("hello", name)
        assert model_of(run, name) == "v1"


def test_what_a_reviewer_set_right_is_heeded_without_a_rebuild(run: Run, tmp_path: Path):
    def said() -> str:
        answer = run.client.post("/model/parse", json={"text": "hello"}).json()
        intent: str = answer["intent"]["name"]
        return intent

    async def decide() -> None:
        [database] = (tmp_path / "home").glob("*.db")
        async with open_reviews(f"sqlite:///{database}") as reviews:
            right = Opinion("intent", "ann", 1.0, "bye")
            item = ReviewItem(
                new_id(), "hello", conversation_id="ann", seq=1, state="decided", decision=right
            )
            await reviews.propose([item])

    assert said() == "greet"
    asyncio.run(decide())
    until(lambda: said() == "bye", "the correction")
