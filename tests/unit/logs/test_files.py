"""Logs in files."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from itertools import chain
from pathlib import Path

import pytest

from bot.errors import NotFound, SettingsError
from bot.review.scrubbing import Rules
from bot.review.turn import BadRow, Turn
from bot.store.shelf import open_shelf
from training.logs import files
from training.logs.engine import read_parts
from training.logs.files import LogFile
from training.logs.rows import Fields, Format

RULES = Rules(("email",), {}, b"secret")
TRACKERS = Path(__file__).parents[4] / "shared/datasets/rasa_projects/tracker_events"


def log(path: Path, form: Format = "jsonl", **fields: object) -> LogFile:
    return LogFile(path, form, "chats", RULES, Fields(**fields))  # type: ignore[arg-type]


def read(file: LogFile) -> tuple[list[Turn], list[BadRow]]:
    found = list(file.harvests())
    turns = list(chain.from_iterable(one.turns for one in found))
    return turns, list(chain.from_iterable(one.bad for one in found))


def written(path: Path, *rows: object) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def said(conversation: str, text: str, speaker: str = "user", **more: object) -> dict[str, object]:
    return {"conversation_id": conversation, "speaker": speaker, "text": text, **more}


def test_conversations_may_be_interleaved(tmp_path: Path):
    rows = [said("a", "hi"), said("b", "ho"), said("a", "Hello!", "bot"), said("b", "Bye", "BOT")]
    turns, bad = read(log(written(tmp_path / "log", *rows)))
    assert {(one.conversation_id, one.text, one.replies) for one in turns} == {
        ("a", "hi", ("Hello!",)),
        ("b", "ho", ("Bye",)),
    }
    assert bad == []


def test_bad_rows_are_counted_with_their_lines_and_never_fatal(tmp_path: Path):
    bad = [
        "no json",
        "[1]",
        {"speaker": "user", "text": "x"},
        said("a", "x", "martian"),
        {"conversation_id": "a"},
        said("a", "x", at="yesterday"),
        said("a", "x", intent="greet", confidence=7),
        said("a", "x", intent="greet", entities=[{"start": 1}]),
    ]
    file = written(tmp_path / "log", said("a", "first"), *bad, "", said("a", "last"))
    turns, rows = read(log(file))
    assert [one.text for one in turns] == ["first", "last"]
    assert [row.line for row in rows] == list(range(2, 10))
    assert all(row.why for row in rows)


def test_why_a_row_is_bad_tells_nothing_of_what_it_says(tmp_path: Path):
    secret = "ann@example.com"
    rows = [said("a", "x", secret), said("a", "x", at=secret), {"sender_id": "a", "event": secret}]
    file = written(tmp_path / "log", *rows, f'"{secret}')
    for form in ("jsonl", "rasa"):
        _, bad = read(log(file, form))
        assert len(bad) == 4
        assert secret not in repr(bad)


def test_a_byte_that_is_no_utf_8_and_a_line_without_end_are_bad(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(files, "LONGEST_LINE", 200)
    path = tmp_path / "log"
    good = json.dumps(said("a", "hi")).encode()
    path.write_bytes(good[:-3] + b'\xff"}\n' + b"x" * 1000 + b"\n" + good + b"\n")
    turns, bad = read(log(path))
    assert [one.text for one in turns] == ["hi"]
    assert [row.line for row in bad] == [1, 2]


def test_tables_are_read_with_any_usual_delimiter(tmp_path: Path):
    for name, mark in (("a.csv", ","), ("b.tsv", "\t"), ("c.csv", ";")):
        rows = ["conversation_id", "speaker", "text"], ["7", "user", '"one\ntwo"'], ["7", "bot"]
        path = tmp_path / name
        path.write_text("".join(mark.join(row) + "\n" for row in rows), "utf-8")
        turns, bad = read(log(path, "csv"))
        assert [one.text for one in turns] == ["one\ntwo"]
        assert [(row.line, row.why) for row in bad] == [(4, "2 cells, not 3")]


def test_a_table_without_a_line_of_names_is_refused(tmp_path: Path):
    path = tmp_path / "empty.csv"
    path.write_text("", "utf-8")
    with pytest.raises(SettingsError, match="column names"):
        read(log(path, "csv"))


def test_a_dialogue_may_be_one_row_under_other_names(tmp_path: Path):
    row = {"id": 3, "t": [{"who": "Me", "say": "hi"}, {"who": "Eve", "say": "yes?"}]}
    file = log(
        written(tmp_path / "log", row, row),
        **{"conversation": "id", "turns": "t", "speaker": "who", "text": "say"},
        users=("Me",),
        agents=("Eve",),
    )
    turns, _ = read(file)
    assert [(one.conversation_id, one.text, one.agent) for one in turns] == [
        ("3", "hi", ("yes?",))
    ] * 2
    assert len({one.seq for one in turns}) == 2


def test_lines_of_a_chat_room_are_turns_of_everybody(tmp_path: Path):
    file = written(tmp_path / "log", {"file": "a", "lines": ["one", "two"]})
    turns, _ = read(log(file, conversation="file", turns="lines", text="."))
    assert [one.text for one in turns] == ["one", "two"]


def test_a_conversation_not_heard_of_for_long_has_ended(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(files, "SILENT", 3)
    monkeypatch.setattr(files, "SWEEP", 1)
    rows = [said("a", "hi"), *(said("b", str(n)) for n in range(5)), said("a", "late", "bot")]
    turns, _ = read(log(written(tmp_path / "log", *rows)))
    [first] = [one for one in turns if one.conversation_id == "a"]
    assert first.replies == ()


def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch):
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.jsonl"
        with path.open("w") as file:
            for n in range(rows):
                file.write(json.dumps(said(f"c{n // 10}", f"text {n} " + "x" * 200)) + "\n")
        tracemalloc.start()
        for _ in log(path).harvests():
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    monkeypatch.setattr(files, "SILENT", 500)
    monkeypatch.setattr(files, "SWEEP", 100)
    assert peak(12_000) < 1.3 * peak(4_000)


def test_parts_of_a_file_together_give_what_the_whole_gives(tmp_path: Path):
    rows = [said(f"c{n % 7}", f"text {n}") for n in range(50)]
    path = written(tmp_path / "log", *rows, "bad")
    whole = read(log(path))
    shares = [LogFile(path, "jsonl", "chats", RULES, Fields(), n, 3) for n in range(3)]
    found = [read(share) for share in shares]
    assert sorted(chain.from_iterable(turns for turns, _ in found), key=lambda t: t.key) == sorted(
        whole[0], key=lambda t: t.key
    )
    assert [bad for _, rows in found for bad in rows] == whole[1]


def test_a_file_read_again_adds_nothing_but_what_is_new(tmp_path: Path):
    path = written(tmp_path / "log", said("a", "one"), said("a", "Yes?", "bot"))
    with open_shelf(tmp_path / "turns.db") as shelf:
        assert read_parts([log(path)], shelf).turns == 1
        assert read_parts([log(path)], shelf).turns == 0
        with path.open("a") as file:
            file.write(json.dumps(said("a", "two")) + "\n")
        assert read_parts([log(path)], shelf).turns == 1
        assert [turn.text for _, turn in shelf.turns()] == ["one", "two"]


def test_damaged_archives_and_missing_files_are_named(tmp_path: Path):
    whole = gzip.compress(json.dumps(said("a", "hi")).encode() * 50)
    for name, body in (("cut.gz", whole[:-20]), ("none.gz", b"no archive")):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(SettingsError, match=f"{name} is damaged"):
            read(log(tmp_path / name))
    with pytest.raises(NotFound, match=r"gone\.jsonl"):
        read(log(tmp_path / "gone.jsonl"))


def test_an_empty_file_holds_nothing(tmp_path: Path):
    assert read(log(written(tmp_path / "log"))) == ([], [])


@pytest.mark.skipif(not TRACKERS.is_dir(), reason="shared/ is absent")
def test_the_events_of_a_real_tracker_store_are_read():
    turns, bad = read(log(TRACKERS / "helpdesk-assistant.jsonl", "rasa"))
    assert bad == []
    assert len({one.conversation_id for one in turns}) == 5
    first = turns[0]
    assert (first.text, first.said.intent, first.actions) == (
        "Hello",
        "greet",
        ("utter_greet", "utter_help"),
    )
    assert 0.99 < first.said.confidence < 1
