from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bot.dialogue.domain import Domain
from bot.privacy.holders import Places, holders
from bot.project.project import Config, Example, NluData, Project
from bot.review.item import Opinion, ReviewItem
from bot.settings import Settings
from bot.store.database import Database
from nlu.parse import Entity
from training.versions.dataset import Dataset, DatasetError
from training.versions.making import make_dataset
from training.versions.shelf import Shelf
from training.versions.splitting import part_of, subject_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LEARNED = next(f"c{n}" for n in range(99) if part_of(subject_of(f"c{n}")) == "train")
TESTED = next(f"c{n}" for n in range(99) if part_of(subject_of(f"c{n}")) == "test")


def project(*examples: tuple[str, str]) -> Project:
    data = examples or (("hello", "greet"), ("goodbye", "bye"))
    found = tuple(Example(text, intent, file="data/nlu.yml") for text, intent in data)
    return Project(".", Domain(), NluData(found), (), Config())


def item(
    text: str,
    intent: str | None = "greet",
    *,
    id: str = "",
    conversation: str = LEARNED,
    label: str = "intent",
    kind: str = "person",
    weight: float = 1.0,
    at: float = 1.0,
    labelled: str | None = None,
    before: str = "",
) -> ReviewItem:
    entities = (Entity("colour", "red", 0, 3),) if text.startswith("red") else ()
    said = Opinion(label, "ann", at, intent, entities, kind, weight)
    return ReviewItem(
        id or text,
        text,
        conversation,
        state="decided",
        decision=said,
        scrub="v1",
        at=at,
        labelled=labelled,
        before=before,
    )


def made(*items: ReviewItem, parent: Dataset | None = None) -> Dataset:
    return make_dataset(project(), items, now=NOW, parent=parent)


def row_of(dataset: Dataset, text: str):
    return next(row for row in dataset.rows if row.text == text)


def test_a_version_tells_where_every_sentence_comes_from_and_who_labelled_it():
    dataset = made(item("red hats please", "order_gone"), item("red hello"))
    assert row_of(dataset, "hello").origin == "data/nlu.yml"
    assert row_of(dataset, "hello").by == "project"
    row = row_of(dataset, "red hello")
    assert (row.origin, row.by, row.scrub) == ("review:red hello", "person", "v1")
    assert row.reviewer == "ann"
    assert row.entities[0].entity == "colour"
    assert row.subject != LEARNED


def test_the_same_sentences_are_the_same_version_whoever_asks_and_when():
    first = made(item("hi you"), item("hey you"))
    again = make_dataset(
        project(), [item("hey you"), item("hi you")], now=datetime.now(UTC), parent=first
    )
    assert again.version == first.version
    assert made(item("hi you"), parent=first).version != first.version


def test_a_conversation_is_learned_from_or_judged_by_as_a_whole():
    items = [
        item(f"{word} is what I say in {n}", conversation=f"c{n}")
        for n in range(200)
        for word in ("this", "that there")
    ]
    dataset = made(*items)
    parts: dict[str, set[str]] = {}
    for row in dataset.rows:
        if row.subject:
            parts.setdefault(row.subject, set()).add(row.part.replace("twin", "test"))
    assert all(len(found) == 1 for found in parts.values())
    tested = sum(found == {"test"} for found in parts.values())
    assert 20 < tested < 60


def test_what_is_nearly_learned_is_no_test():
    dataset = made(
        item("Hello!", id="1", conversation=TESTED),
        item("how do you do", id="2", conversation=TESTED),
        item("good day to you all", id="3"),
        item("good day to you al", id="4", conversation=TESTED),
    )
    parts = {row.origin: row.part for row in dataset.rows if row.subject}
    assert parts == {
        "review:1": "twin",
        "review:2": "test",
        "review:3": "train",
        "review:4": "twin",
    }


def test_what_cannot_be_learned_is_left_out_and_said_why():
    dataset = made(
        item("a", "gone"),
        item("b", "brand_new", label="new_intent"),
        item("c", None, label="out_of_scope"),
        item("d", None, label="out_of_scope", conversation=TESTED),
    )
    why = {each.id: each.why for each in dataset.left_out}
    assert "no intent gone any more" in why["a"]
    assert "brand_new is not in the domain" in why["b"]
    assert "no intent out_of_scope to learn" in why["c"]
    assert row_of(dataset, "d").intent == "out_of_scope"
    assert row_of(dataset, "d").part == "test"


def test_a_retrieval_intent_without_the_answer_is_not_learned():
    domain = Domain(intents=("faq",), responses={"utter_faq/hours": (), "utter_faq/price": ()})
    data = NluData((Example("when are you open", "faq/hours", file="data/nlu.yml"),))
    items = [item("a", "faq"), item("b", "faq", kind="weak", weight=0.3), item("c", "faq/price")]
    dataset = make_dataset(Project(".", domain, data, (), Config()), items, now=NOW)
    assert [row.intent for row in dataset.rows] == ["faq/hours", "faq/price"]
    assert all("does not say which" in each.why for each in dataset.left_out)


def test_of_two_decisions_on_the_same_words_the_newer_counts():
    dataset = made(item("so long", "greet", id="1", at=1), item("So long!", "bye", id="2", at=2))
    assert [row.intent for row in dataset.rows if row.subject] == ["bye"]
    assert [each.id for each in dataset.left_out] == ["1"]
    both = made(
        item("yes", "greet", id="1", before="Hello?"), item("yes", "bye", id="2", before="Bye?")
    )
    assert not both.left_out


def test_words_mean_what_most_people_said_and_guesses_do_not_outvote_one():
    dataset = made(
        item("ok", "greet", id="1", conversation="a", at=1),
        item("OK.", "greet", id="2", conversation="b", at=2),
        item("ok", "bye", id="3", conversation="c", at=3),
        item("well", "greet", id="4", at=1),
        *(item("well", "bye", id=f"w{n}", at=n, kind="weak", weight=0.9) for n in range(2, 5)),
        item("so", "greet", id="5", kind="weak", weight=0.3, at=2),
        item("so", "bye", id="6", kind="weak", weight=0.4, at=1),
    )
    learned = {(row.origin.removeprefix("review:"), row.intent) for row in dataset.rows}
    assert learned >= {("1", "greet"), ("2", "greet"), ("4", "greet"), ("6", "bye")}
    assert {each.id for each in dataset.left_out} == {"3", "w2", "w3", "w4", "5"}
    why = {each.id: each.why for each in dataset.left_out}
    assert why["3"] == "the same words are greet by more or newer decisions"


def test_a_correction_of_the_projects_own_sentence_takes_its_place():
    dataset = made(item("hello", "bye", conversation="", labelled="greet"))
    found = [(row.text, row.intent) for row in dataset.rows]
    assert found == [("goodbye", "bye"), ("hello", "bye")]


def test_a_weak_label_counts_half_at_most_and_judges_nobody():
    dataset = made(item("weak words", conversation=TESTED, kind="weak", weight=0.9))
    row = row_of(dataset, "weak words")
    assert (row.by, row.weight, row.part) == ("weak", 0.5, "train")


def test_a_version_with_one_conversation_and_one_with_none_can_be_made():
    assert len(made(item("only this")).rows) == 3
    assert len(made().rows) == 2


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "datasets")


def test_a_kept_version_is_read_back_and_listed_in_order(shelf: Shelf):
    first = made(item("hi you"))
    second = msgspec.structs.replace(made(item("hey you")), created="2026-02-01T00:00:00")
    for dataset in (second, first, first):
        shelf.keep(dataset)
    assert shelf.versions() == (first.version, second.version)
    assert shelf.load(first.version) == first
    assert shelf.newest() == second


@pytest.mark.parametrize("change", ["text", "weight", "gone", "synonym"])
def test_a_tampered_version_is_refused(shelf: Shelf, change: str):
    dataset = made(item("hi you"))
    path = shelf.keep(dataset)
    held = json.loads(path.read_text())
    if change == "text":
        held["rows"][0]["text"] = "hello there"
    elif change == "weight":
        held["rows"][0]["weight"] = 0.5
    elif change == "gone":
        held["rows"].pop()
    else:
        held["tables"]["synonyms"] = {"a": "b"}
    path.write_text(json.dumps(held))
    with pytest.raises(DatasetError, match="not what it was"):
        shelf.load(dataset.version)


def test_a_version_that_is_not_there_or_broken_is_said(shelf: Shelf):
    with pytest.raises(DatasetError, match=r"no version '\.\./x'"):
        shelf.load("../x")
    dataset = made()
    shelf.keep(dataset).write_text("{")
    with pytest.raises(DatasetError, match="is no version of the data"):
        shelf.load(dataset.version)


def test_an_erased_user_is_gone_from_every_version_which_stay_what_they_were(shelf: Shelf):
    first = made(item("my secret wish"), item("hey you", conversation="other"))
    second = made(item("my secret wish"), item("another secret of mine"), parent=first)
    for dataset in (first, second):
        shelf.keep(dataset)
    assert len(shelf.held(LEARNED)) == 3
    assert shelf.erase(LEARNED) == 3
    assert shelf.erase(LEARNED) == 0
    written = "".join(path.read_text() for path in shelf.root.iterdir())
    assert "secret" not in written
    assert subject_of(LEARNED) not in written
    assert shelf.load(first.version).erased == 1
    left = {row.text for row in shelf.load(first.version).rows}
    assert left == {"hello", "goodbye", "hey you", ""}
    assert shelf.held(LEARNED) == []


def test_a_full_disk_leaves_no_half_a_version(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.versions.shelf.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        shelf.keep(made())
    assert list(shelf.root.iterdir()) == []


async def test_erasing_a_user_reaches_the_versions_of_the_data(tmp_path: Path):
    settings = Settings(project=tmp_path, models=tmp_path / "models")
    shelf = Shelf(tmp_path / "models" / "datasets")
    shelf.keep(made(item("my secret wish")))
    database = Database(f"sqlite:///{tmp_path / 'none.db'}")
    try:
        found = dict(holders(Places(settings, database)))["datasets"]
        [held] = (await found.held(LEARNED))["training data"]
        assert held["text"] == "my secret wish"
        assert await found.erase(LEARNED) == {"training data": 1}
        assert await found.erase(LEARNED) == {"training data": 0}
    finally:
        await database.close()


def test_versions_of_one_second_are_in_the_order_in_which_they_were_made(tmp_path: Path):
    shelf, kept = Shelf(tmp_path), []
    for number in range(8):
        now = NOW + timedelta(milliseconds=10 * number)
        dataset = make_dataset(project(), [item(f"hello {number}")], now=now)
        shelf.keep(dataset)
        kept.append(dataset.version)
    assert shelf.versions() == tuple(kept)
