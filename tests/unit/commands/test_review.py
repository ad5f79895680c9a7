"""`parley review` at a terminal, and its files."""

from __future__ import annotations

import os
import pty
import signal
import sqlite3
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from bot.cli import app
from bot.commands.keys import keys
from bot.commands.reviewing import Reviewing
from bot.errors import BadRequest, SettingsError
from bot.review.decide import Names
from bot.review.item import Reason, ReviewItem, Said, new_id
from bot.review.store import Filter
from bot.store import schema
from bot.store.reviews import open_reviews
from nlu.parse import Entity

NAMES = Names(frozenset({"greet", "bye", "order"}), frozenset({"food"}))
PROMPT = b"? "
CTRL_C = "\x03"


class Terminal:
    """A pseudo terminal and somebody who types the next thing when asked."""

    def __init__(self, typed: list[str]) -> None:
        self.mine, theirs = pty.openpty()
        self.input, self.output = os.fdopen(theirs, "r"), os.fdopen(os.dup(theirs), "w")
        self._typed = typed
        self.shown = b""
        self.labelled = 0
        self._person = threading.Thread(target=self._type, daemon=True)
        self._person.start()

    def _type(self) -> None:
        """Answer each prompt: of a key, or of a line."""
        seen = 0
        for what in self._typed:
            while not self.shown[seen:].rstrip(b"\r\n").endswith((PROMPT, b": ")):
                try:
                    self.shown += os.read(self.mine, 1000)
                except OSError:
                    return
            seen = len(self.shown)
            if what == CTRL_C:  # this terminal controls no process
                os.kill(os.getpid(), signal.SIGINT)
            else:
                os.write(self.mine, what.encode())

    def close(self) -> None:
        self.input.close()
        self.output.close()
        self._person.join(5)
        os.close(self.mine)


async def review(
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    *typed: str,
    who: str = "eve",
    names: Names = NAMES,
) -> str:
    terminal = Terminal(list(typed))
    monkeypatch.setattr(sys, "stdin", terminal.input)
    monkeypatch.setattr(sys, "stdout", terminal.output)
    try:
        with keys() as pressed:
            console = Console(file=terminal.output, highlight=False, width=100)
            async with open_reviews(url) as reviews:
                going = Reviewing(reviews, names, who, Filter("open"), console, pressed)
                terminal.labelled = await going.run()
    finally:
        monkeypatch.undo()
        terminal.close()
    return f"{terminal.shown.decode()}\n{terminal.labelled} labelled"


async def proposed(url: str, *items: ReviewItem) -> list[str]:
    async with open_reviews(url) as reviews:
        await reviews.propose(items)
    return [item.id for item in items]


async def stored(url: str, item_id: str) -> ReviewItem:
    async with open_reviews(url) as reviews:
        return await reviews.item(item_id)


def turn(text: str, seq: int, *, score: float = 0.5, **more: object) -> ReviewItem:
    item = ReviewItem(new_id(), text, conversation_id="ann", seq=seq)
    fields = {"reasons": (Reason("m", score),), "said": Said("greet", 0.6), **more}
    return msgspec.structs.replace(item, **fields)


async def test_a_key_labels_a_sentence_and_the_next_one_comes(sqlite_url: str, monkeypatch):
    ids = await proposed(
        sqlite_url,
        turn("first", 1, score=0.9, before="Yes?"),
        turn("second", 2, score=0.8),
        turn("third", 3, score=0.7),
        turn("fourth", 4, score=0.6),
    )
    shown = await review(sqlite_url, monkeypatch, "1", "o", "i", "ord\n", "n", "complain\n")
    found = [(await stored(sqlite_url, one)).decision for one in ids]
    assert [(one.label, one.intent) for one in found if one] == [
        ("intent", "greet"),
        ("out_of_scope", None),
        ("intent", "order"),
        ("new_intent", "complain"),
    ]
    assert "4 wait, 0 done" in shown
    assert "1 greet 60%" in shown


async def test_enter_leaves_an_example_that_is_suspected_as_it_is(sqlite_url: str, monkeypatch):
    reasons = (Reason("suspects", 0.9, suggested="order"),)
    suspect = turn("cheerio", 0, reasons=reasons, said=Said("order", 0.6), labelled="greet")
    suspect = msgspec.structs.replace(suspect, conversation_id="", origin="nlu.yml")
    [one] = await proposed(sqlite_url, suspect)
    await review(sqlite_url, monkeypatch, "\r")
    decision = (await stored(sqlite_url, one)).decision
    assert decision
    assert decision.intent == "greet"


async def test_undo_brings_the_sentence_back(sqlite_url: str, monkeypatch):
    [one] = await proposed(sqlite_url, turn("first", 1))
    await proposed(sqlite_url, turn("second", 2, score=0.1))
    await review(sqlite_url, monkeypatch, "\n", "u", "o", "q")
    item = await stored(sqlite_url, one)
    assert item.decision
    assert item.decision.label == "out_of_scope"
    assert [step.what for step in item.history] == [
        "proposed",
        "greet",
        "taken back",
        "out of scope",
    ]


async def test_entities_are_corrected_as_they_are_marked_in_the_data(sqlite_url: str, monkeypatch):
    said = Said("order", 0.9, (Entity("food", "a", 0, 1),))
    [one] = await proposed(sqlite_url, turn("a pizza", 1, said=said))
    shown = await review(sqlite_url, monkeypatch, "e", "a soup\n", "e", "a [pizza](food)\n", "1")
    decision = (await stored(sqlite_url, one)).decision
    assert decision
    assert [(span.entity, span.value, span.start) for span in decision.entities] == [
        ("food", "pizza", 2)
    ]
    assert "another sentence" in shown


async def test_a_group_is_labelled_by_one_key_or_not(sqlite_url: str, monkeypatch):
    same = [turn(f"hi{n}", n, group="g", score=0.9 - n / 10) for n in (1, 2, 3)]
    ids = await proposed(sqlite_url, *same)
    await review(sqlite_url, monkeypatch, "g", "o", "1")
    labels = [(await stored(sqlite_url, one)).decision for one in ids]
    assert [one.label for one in labels if one] == ["out_of_scope", "intent", "intent"]


async def test_skipping_asking_for_another_and_wrong_keys(sqlite_url: str, monkeypatch):
    ids = await proposed(sqlite_url, turn("a", 1, score=0.9), turn("b", 2, score=0.8))
    shown = await review(sqlite_url, monkeypatch, "z", "9", "s", "w", "q")
    assert [(await stored(sqlite_url, one)).state for one in ids] == ["skipped", "open"]
    assert (await stored(sqlite_url, ids[1])).wanted == 2
    assert "second opinion" in shown


async def test_undo_after_asking_for_another_takes_that_back_and_nothing_before(
    sqlite_url: str, monkeypatch
):
    rest = turn("three", 3, score=0.1)
    ids = await proposed(sqlite_url, turn("one", 1, score=0.9), turn("two", 2), rest)
    shown = await review(sqlite_url, monkeypatch, "1", "w", "u", "q")
    assert "undone" in shown
    assert shown.count("two") == 2  # it comes up again
    one, two, _ = [await stored(sqlite_url, item_id) for item_id in ids]
    assert (one.state, one.decision.intent) == ("decided", "greet")
    assert (two.state, two.wanted) == ("open", 1)
    assert [step.what for step in two.history][-2:] == [
        "second opinion wanted",
        "second opinion not wanted",
    ]
    await review(sqlite_url, monkeypatch, "1", "q")
    assert (await stored(sqlite_url, ids[1])).state == "decided"


async def test_entities_that_the_project_lost_are_left_out_and_said(sqlite_url: str, monkeypatch):
    lost = Said("greet", 0.9, (Entity("gone", "tea", 5, 8), Entity("food", "milk", 0, 4)))
    item, _ = await proposed(sqlite_url, turn("milk tea", 1, said=lost), turn("x", 2, score=0.1))
    shown = await review(sqlite_url, monkeypatch, "1", "q")
    assert "the project has no entity 'gone' any more" in shown
    kept = await stored(sqlite_url, item)
    assert [entity.entity for entity in kept.decision.entities] == ["food"]


async def test_a_name_that_is_none_is_asked_again_with_what_may_be_meant(
    sqlite_url: str, monkeypatch
):
    [one] = await proposed(sqlite_url, turn("a", 1))
    shown = await review(sqlite_url, monkeypatch, "i", "gret\n", "i", "zzz\n", "q")
    assert "Did you mean 'greet'?" in shown
    assert "no intent 'zzz'" in shown
    assert (await stored(sqlite_url, one)).decision is None


async def test_ctrl_c_ends_a_question_then_the_review_and_keeps_what_was_done(
    sqlite_url: str, monkeypatch
):
    ids = await proposed(sqlite_url, turn("a", 1, score=0.9), turn("b", 2, score=0.8))
    shown = await review(sqlite_url, monkeypatch, "1", "i", CTRL_C, CTRL_C)
    assert [(await stored(sqlite_url, one)).state for one in ids] == ["decided", "open"]
    assert shown.endswith("\n1 labelled")


@pytest.mark.parametrize("key", ["\x1b[3~", "\x1b[1;5A", "\x1bOn", "\x1b"])
async def test_keys_that_send_several_characters_label_nothing(
    sqlite_url: str, monkeypatch, key: str
):
    said = Said("order", 0.9)
    often = [turn(f"{n}", n, score=n / 10, said=said) for n in range(1, 4)]
    ids = await proposed(sqlite_url, *often)
    await review(sqlite_url, monkeypatch, key, "q")
    assert [(await stored(sqlite_url, one)).state for one in ids] == ["open"] * 3


async def test_what_was_skipped_or_undone_counts_as_no_label(sqlite_url: str, monkeypatch):
    await proposed(sqlite_url, *(turn(f"{n}", n, score=n / 10) for n in range(1, 5)))
    shown = await review(sqlite_url, monkeypatch, "s", "1", "1", "u", "q")
    assert shown.endswith("\n1 labelled")


FAQ = Names(NAMES.intents | {"faq"}, NAMES.entities, frozenset({"faq/hours", "faq/price"}))


async def test_of_a_retrieval_intent_an_answer_is_chosen(sqlite_url: str, monkeypatch):
    reasons = (Reason("m", 0.5, suggested="faq/price"),)
    [one] = await proposed(sqlite_url, turn("when", 1, said=Said("faq", 0.9), reasons=reasons))
    keys_ = ("i", "faq\n", "i", "faq/\n", "i", "\n", "i", "faq/h\n")
    shown = await review(sqlite_url, monkeypatch, *keys_, names=FAQ)
    assert "1 faq/price" in shown
    assert "2 intents: faq/hours, faq/price" in shown
    decision = (await stored(sqlite_url, one)).decision
    assert decision
    assert decision.intent == "faq/hours"


NLU = """nlu:
- intent: greet  # hello
  examples: |
    - hello
- intent: bye
  examples: |
    - bye
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nlu.yml").write_text(NLU)
    (tmp_path / "domain.yml").write_text("intents: [greet, bye]\n")
    (tmp_path / "config.yml").write_text("language: en\n")
    return tmp_path


def parley(*words: str | Path) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_labels_come_in_from_a_file_and_go_out_into_the_project(project: Path):
    file = project / "labels.yml"
    file.write_text("nlu:\n- intent: greet\n  examples: |\n    - good day\n")
    words = ("-p", project, "--reviewer", "eve")
    assert "0 items labelled, 1 new" in parley("review", "import", file, *words)
    assert "1 items labelled, 0 new" in parley("review", "import", file, *words)
    shown = parley("review", "export", "-p", project, "--dry-run")
    assert "+    - good day\n" in shown
    assert (project / "data" / "nlu.yml").read_text() == NLU
    assert "1 examples added" in parley("review", "export", "-p", project)
    after = (project / "data" / "nlu.yml").read_text()
    assert after == NLU.replace("    - hello\n", "    - hello\n    - good day\n")
    assert "0 examples added" in parley("review", "export", "-p", project)
    parley("review", "export", "-p", project, "--out", project / "all.yml")
    assert "- good day" in (project / "all.yml").read_text()


def test_a_database_with_another_schema_is_left_as_it_is(project: Path):
    url = f"sqlite:///{project}/home/parley.db"
    schema.upgrade(url)
    with sqlite3.connect(project / "home" / "parley.db") as db:
        db.execute("UPDATE alembic_version SET version_num = '0005'")
    with pytest.raises(SettingsError, match="parley db upgrade"):
        parley("review", "export", "-p", project)


def test_a_label_of_an_intent_that_was_removed_since_is_left_out_and_named(project: Path):
    file = project / "labels.yml"
    file.write_text("nlu:\n- intent: bye\n  examples: |\n    - so long\n")
    parley("review", "import", file, "-p", project)
    (project / "domain.yml").write_text("intents: [greet]\n")
    shown = parley("review", "export", "-p", project, "--dry-run")
    assert "no intent 'bye' any more" in shown
    assert "1 labels name the intent 'bye'" in shown


def test_a_disk_that_is_full_leaves_every_file_as_it_was(project: Path, monkeypatch):
    file = project / "labels.yml"
    file.write_text(
        "nlu:\n- intent: greet\n  examples: |\n    - good day\n"
        "- intent: new\n  examples: |\n    - x\n"
    )
    parley("review", "import", file, "-p", project)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bot.review.exchange.os.fsync", full)
    with pytest.raises(Exception, match="No space left"):
        parley("review", "export", "-p", project)
    assert (project / "data" / "nlu.yml").read_text() == NLU
    assert [path.name for path in (project / "data").iterdir()] == ["nlu.yml"]


def test_entities_that_the_project_has_not_are_refused_before_anything_is_kept(project: Path):
    file = project / "labels.yml"
    file.write_text("nlu:\n- intent: greet\n  examples: |\n    - hi\n    - hi [Ada](nme)\n")
    with pytest.raises(BadRequest, match="no entity 'nme'"):
        parley("review", "import", file, "-p", project)
    assert "0 examples added" in parley("review", "export", "-p", project)
