"""`parley logs mine`: from the log to items that wait, with a model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from bot.errors import NotFound, SettingsError
from bot.review.decide import opine
from bot.review.item import Opinion, ReviewItem
from bot.review.store import Filter
from bot.review.turn import Turn
from bot.store.reviews import open_reviews
from bot.store.shelf import erase_turns
from nlu.bundle import open_bundle
from tests.unit.nlu.conftest import write_bundle
from training.cli import register
from training.mining.mine import Known, Mined, chosen, mine
from training.mining.seen import Seen, see, vectors_of

NLU = """nlu:
- intent: greet
  examples: |
    - hello
    - hello you
    - bye bye
- intent: bye
  examples: |
    - bye
    - bye now
    - hello hello
"""
SAID = ["hello", "hello bye", "order", "Order!", "xyzzy", "order tea", "nothing known", "price"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nlu.yml").write_text(NLU)
    (tmp_path / "domain.yml").write_text("intents: [greet, bye, order]\nentities: [item]\n")
    (tmp_path / "config.yml").write_text("language: en\n")
    models = tmp_path / "models"
    write_bundle(models / "v1")
    (models / "current").write_text("v1\n")
    rows = ({"conversation_id": f"c{n}", "text": text} for n, text in enumerate(SAID))
    (tmp_path / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    parley("logs", "import", tmp_path / "chats.jsonl", "-p", tmp_path)
    return tmp_path


def parley(*words: str | Path) -> str:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def items(project: Path) -> Sequence[ReviewItem]:
    async def read() -> Sequence[ReviewItem]:
        async with open_reviews(f"sqlite:///{project}/home/parley.db") as reviews:
            return await reviews.listed()

    return asyncio.run(read())


def test_a_budget_is_kept_and_what_was_proposed_is_not_again(project: Path):
    shown = parley("logs", "mine", "-p", project, "--budget", "4", "--quiet")
    assert "4 new items, 4 items wait for review" in shown
    first = items(project)
    assert len(first) == 4
    assert all(item.reasons for item in first)
    assert {item.said.model for item in first if item.origin != "data"} <= {"v1", ""}
    parley("logs", "mine", "-p", project, "--budget", "100", "--quiet")
    whole = items(project)
    assert len({(item.text, item.conversation_id, item.labelled) for item in whole}) == len(whole)
    assert {item.text for item in whole if item.conversation_id} == set(SAID)
    shown = parley("logs", "mine", "-p", project, "--quiet")
    assert f"0 new items, {len(whole)} items wait for review" in shown


def test_what_is_uncertain_comes_with_its_reasons_and_near_duplicates_together(project: Path):
    parley("logs", "mine", "-p", project, "--random", "0", "--suspects", "0", "--quiet")
    found = {item.text: item for item in items(project)}
    torn = {reason.miner for reason in found["hello bye"].reasons}
    assert {"low_confidence", "low_margin"} <= torn
    assert found["order"].group == found["Order!"].group != ""
    assert "rare_entity" in {reason.miner for reason in found["order tea"].reasons}


def test_an_item_of_a_retrieval_intent_names_the_likeliest_answer(tmp_path: Path):
    bundle = open_bundle(write_bundle(tmp_path / "v1"))
    seen = see([Turn("c", n, text) for n, text in enumerate(("open", "price", "bye"))], bundle)
    assert seen.intents == ["faq", "faq", "bye"]
    assert seen.answers == ["faq/hours", "faq/price", "bye"]


def test_a_dry_run_proposes_nothing(project: Path):
    shown = parley("logs", "mine", "-p", project, "--dry-run", "--quiet")
    assert "random: " in shown
    assert items(project) == []


def test_examples_that_look_mislabelled_are_proposed_with_their_label(project: Path):
    parley(
        "logs",
        "mine",
        "-p",
        project,
        "--suspects",
        "1",
        "--random",
        "0",
        "--budget",
        "2",
        "--quiet",
    )
    suspects = [item for item in items(project) if item.share == "suspect"]
    assert {(item.text, item.labelled) for item in suspects} == {
        ("bye bye", "greet"),
        ("hello hello", "bye"),
    }
    assert {item.origin for item in suspects} == {"data/nlu.yml"}


def answer(project: Path, intent: str, *, weak: bool = False) -> None:
    """Say that all that waits is ``intent``."""

    async def all_of_it() -> None:
        async with open_reviews(f"sqlite:///{project}/home/parley.db") as reviews:
            waiting = await reviews.listed(Filter(state="open"))
            said = Opinion("intent", "ann", 1.0, intent, kind="weak" if weak else "person")
            await reviews.keep([opine(item, said) for item in waiting])

    asyncio.run(all_of_it())


def test_what_people_have_answered_is_heeded_in_what_is_asked_next(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    heard: list[Known] = []

    def hearing(seen: Seen, mined: Mined, known: Known, **more: Any) -> list[ReviewItem]:
        heard.append(known)
        return chosen(seen, mined, known, **more)

    monkeypatch.setattr("training.mining.run.chosen", hearing)
    few = ("logs", "mine", "-p", project, "--budget", "1", "--suspects", "0", "--quiet")
    parley(*few)
    answer(project, "bye", weak=True)
    parley(*few)
    answer(project, "order")
    parley(*few)
    assert [known.answers and known.answers.intents for known in heard] == [
        None,
        None,  # nobody but a weak source has said anything
        ["order", "order"],
    ]


def test_no_more_than_so_many_wait_and_the_next_come_as_people_answer(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    waited: list[int] = []

    def sleep(seconds: float) -> None:
        waited.append(sum(item.state == "open" for item in items(project)))
        answer(project, "greet")

    monkeypatch.setattr("training.mining.run.time.sleep", sleep)
    shown = parley(
        *("logs", "mine", "-p", project, "--suspects", "0", "--quiet"),
        *("--budget", "7", "--waiting", "3"),
    )
    assert waited[:2] == [3, 3]
    assert max(waited) == 3
    assert len([item for item in items(project) if item.conversation_id]) == 7
    assert shown.count("new items") == 3
    assert "1 new items, 1 items wait" in shown


def test_who_leaves_while_people_answer_is_told_that_all_stays(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    def leave(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("training.mining.run.time.sleep", leave)
    shown = parley("logs", "mine", "-p", project, "--waiting", "3", "--quiet")
    assert shown.endswith("Stopped. What was proposed stays.\n")
    assert len(items(project)) == 3


def test_a_second_model_that_disagrees_is_named(project: Path):
    write_bundle(project / "models" / "v2", version="v2", intents=("greet", "a", "b", "bye", "c"))
    parley("logs", "mine", "-p", project, "--candidate", "v2", "--random", "0", "--quiet")
    reasons = [reason for item in items(project) for reason in item.reasons]
    assert "disagreement" in {reason.miner for reason in reasons}


def test_who_is_erased_while_the_miners_work_is_not_proposed(project: Path, monkeypatch):
    def erasing(*given: object, **more: object) -> object:
        assert erase_turns(project / "home" / "turns.db", "c1") == 1
        return mine(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("training.mining.run.mine", erasing)
    parley("logs", "mine", "-p", project, "--quiet")
    assert {item.conversation_id for item in items(project)} >= {"c0", "c2"}
    assert "c1" not in {item.conversation_id for item in items(project)}


def test_without_a_model_or_with_parts_beyond_the_budget_it_says_so(project: Path):
    with pytest.raises(SettingsError, match="together at most 1"):
        parley("logs", "mine", "-p", project, "--random", "0.8", "--suspects", "0.8")
    (project / "models" / "current").unlink()
    with pytest.raises(NotFound, match="parley train"):
        parley("logs", "mine", "-p", project)


def test_an_empty_log_gives_suspects_alone(project: Path):
    (project / "home" / "turns.db").unlink()
    assert "0 turns looked through" in parley("logs", "mine", "-p", project, "--quiet")
    assert {item.share for item in items(project)} <= {"suspect"}


def test_the_same_words_are_read_once_and_every_turn_gets_its_own_answer(tmp_path: Path):
    bundle = open_bundle(write_bundle(tmp_path / "v1"))
    told: list[int] = []
    turns = [Turn("c", n, text) for n, text in enumerate(["hello", "bye", "hello", "order tea"])]
    seen = see(turns, bundle, watch=told.append)
    assert seen.intents == ["greet", "bye", "greet", "order"]
    assert told[-1] == 3
    assert [one.entity for one in seen.entities[3]] == ["item"]
    assert np.allclose(seen.vectors, vectors_of([turn.text for turn in turns], bundle))
    assert len(see([], bundle)) == 0
