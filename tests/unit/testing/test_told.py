"""What a test file tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ProjectError
from bot.testing.told import ANY, load_transcripts, story_files


def told(tmp_path: Path, steps: str, *, more: str = ""):
    file = tmp_path / "test_it.yml"
    file.write_text(f"stories:\n- story: a\n  steps:\n{steps}{more}")
    return load_transcripts(file)


def test_an_intent_without_text_is_said_as_a_payload_with_its_entities(tmp_path: Path):
    (only,) = told(
        tmp_path,
        "  - intent: book\n    entities:\n    - city: Rome\n      role: to\n    - city: Oslo\n"
        "    - people\n",
    )
    said = only.turns[0]
    assert said.text == '/book{"city": ["Rome", "Oslo"], "people": ""}'
    assert [(e.entity, e.value, e.role) for e in said.entities] == [
        ("city", "Rome", "to"),
        ("city", "Oslo", None),
        ("people", "", None),
    ]


def test_what_is_so_before_anybody_speaks_opens_the_conversation(tmp_path: Path):
    (only,) = told(
        tmp_path, "  - slot_was_set:\n    - city\n  - active_loop: f\n  - intent: greet\n"
    )
    assert [(e.kind, e.value) for e in only.opening] == [
        ("slot_was_set", ("city", ANY)),
        ("active_loop", "f"),
    ]


def test_alternatives_make_a_conversation_each(tmp_path: Path):
    found = told(tmp_path, "  - or:\n    - intent: yes\n    - intent: ok\n  - action: utter_fine\n")
    assert [each.turns[0].intent for each in found] == ["yes", "ok"]


def test_stories_are_joined_by_their_checkpoints(tmp_path: Path):
    found = told(
        tmp_path,
        "  - intent: greet\n  - checkpoint: met\n",
        more="- story: b\n  steps:\n  - checkpoint: met\n  - intent: bye\n"
        "- story: c\n  steps:\n  - checkpoint: met\n  - intent: thank\n",
    )
    assert [(each.name, [s.intent for s in each.turns]) for each in found] == [
        ("a - b", ["greet", "bye"]),
        ("a - c", ["greet", "thank"]),
    ]


def test_checkpoints_that_only_lead_to_one_another_come_to_an_end(tmp_path: Path):
    assert (
        told(
            tmp_path,
            "  - intent: greet\n  - checkpoint: round\n",
            more="- story: b\n  steps:\n  - checkpoint: round\n  - intent: again\n"
            "  - checkpoint: round\n",
        )
        == ()
    )


def test_remarks_are_passed_over(tmp_path: Path):
    (only,) = told(tmp_path, "  - metadata: {by: hand}\n  - intent: greet\n")
    assert len(only.turns) == 1


def test_files_named_test_are_the_tests_of_a_folder(tmp_path: Path):
    for name in ("test_b.yml", "a.yml", "deep/test_a.yaml", "test_c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [file.name for file in story_files(tmp_path)] == ["test_a.yaml", "test_b.yml"]


def test_where_none_is_named_so_every_file_is_read(tmp_path: Path):
    (tmp_path / "stories.yml").write_text("")
    assert [file.name for file in story_files(tmp_path)] == ["stories.yml"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(ProjectError, match="no such file or folder"):
        story_files(tmp_path / "tests")
