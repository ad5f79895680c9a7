"""Labels merged back into a project's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.project.load import load_project
from bot.review.decide import Names
from bot.review.item import Opinion, ReviewItem, new_id
from bot.review.merge import NEW_FILE, Merged, merge
from nlu.parse import Entity

NLU = """version: "3.1"   # of the format
nlu:
# greetings
- intent: greet
  examples: |
    - hello   
    - hi there
- intent: bye   # farewell
  examples:
  - text: |
      so long
    metadata: {x: 1}
  - text: bye

- intent: order
  examples: |
      - a [pizza](food)
- lookup: food
  examples: |
    - pasta
"""  # noqa: W291
DOMAIN = "intents: [greet, bye, order, out_of_scope]\nentities: [food]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "nlu.yml").write_text(NLU)
    (tmp_path / "domain.yml").write_text(DOMAIN)
    (tmp_path / "config.yml").write_text("language: en\n")
    return tmp_path


def label(text: str, intent: str | None, *, kind: str = "intent", **more: Any) -> ReviewItem:
    entities = more.pop("entities", ())
    weak = more.pop("weak", False)
    opinion = Opinion(
        kind,
        "eve",
        1.0,
        intent,
        entities,
        "weak" if weak else "person",  # type: ignore[arg-type]
    )
    return ReviewItem(new_id(), text, state="decided", decision=opinion, **more)


def merged(project: Path, *items: ReviewItem) -> Merged:
    read = load_project(project)
    names = Names(frozenset(read.domain.intents), frozenset(read.domain.entities))
    paths = {one.file for one in read.nlu.examples}
    files = {path: (project / path).read_bytes().decode() for path in sorted(paths)}
    return merge(items, read.nlu, names, files)


def added(found: Merged, file: str = "data/nlu.yml") -> list[tuple[int, str]]:
    """Lines that are new, and where."""
    before = NLU.splitlines()
    after = found.files[file].splitlines()
    new = [(n, line) for n, line in enumerate(after, 1) if line not in before]
    assert [line for line in after if line in before] == before
    return new


def test_examples_go_behind_the_last_of_their_intent_and_the_rest_stays_as_it_is(project: Path):
    pizza = (Entity("food", "salad", 2, 7),)
    found = merged(
        project,
        label("good day", "greet"),
        label("a salad", "order", entities=pizza),
        label("adieu: now", "bye"),
    )
    assert added(found) == [
        (8, "    - good day"),
        (15, '  - text: "adieu: now"'),
        (20, "      - a [salad](food)"),
    ]
    assert (found.added, found.left_out) == (3, [])


def test_what_was_merged_is_read_back_and_not_merged_again(project: Path):
    items = [
        label("good day", "greet"),
        label("[odd] (text) - yes", "bye"),
        label("new", "complain", kind="new_intent"),
    ]
    for path, text in merged(project, *items).files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_bytes(text.encode())
    (project / "domain.yml").write_text(DOMAIN.replace("bye", "bye, complain"))
    read = {(one.text, one.intent) for one in load_project(project).nlu.examples}
    assert {("good day", "greet"), ("[odd] (text) - yes", "bye"), ("new", "complain")} <= read
    assert merged(project, *items).files == {}


def test_the_order_of_decisions_changes_nothing(project: Path):
    items = [label(text, "greet") for text in ("c", "a", "b")]
    assert merged(project, *items).files == merged(project, *reversed(items)).files


def test_a_wrong_label_moves_and_takes_its_lines_along(project: Path):
    found = merged(project, label("hi there", "bye", labelled="greet"))
    text = found.files["data/nlu.yml"]
    assert "    - hi there\n" not in text
    assert '  - text: "hi there"\n' in text
    assert (found.added, found.moved) == (0, 1)
    found = merged(project, label("so long", "greet", labelled="bye"))
    text = found.files["data/nlu.yml"]
    assert "metadata" not in text
    assert "    - so long\n" in text


def test_a_new_intent_gets_a_file_of_its_own_and_is_told(project: Path):
    found = merged(project, label("it is cold", "complain", kind="new_intent"))
    assert found.files[NEW_FILE] == (
        'version: "3.1"\nnlu:\n- intent: complain\n  examples: |\n    - it is cold\n'
    )
    assert found.new_intents == ("complain",)


def test_what_cannot_be_merged_is_said_with_its_reason(project: Path):
    found = merged(
        project,
        label("x", "gone"),
        label("hello", "bye"),
        label("twice", "bye"),
        label("twice", "greet"),
        label("guessed", "greet", weak=True),
    )
    reasons = dict(one.split(": ", 1) for one in found.left_out)
    assert reasons["'x'"] == "the project has no intent 'gone' any more"
    assert reasons["'hello'"] == "data/nlu.yml:6 has it as 'greet'"
    assert reasons["'twice'"].startswith("decided as")
    assert len(found.left_out) == 3
    assert found.added == 1
    assert "guessed" not in found.files["data/nlu.yml"]


def test_out_of_scope_becomes_the_projects_intent_for_it(project: Path):
    found = merged(project, label("weather?", None, kind="out_of_scope"))
    assert "- intent: out_of_scope" in found.files[NEW_FILE]


def test_line_breaks_in_what_a_user_wrote_break_no_file(project: Path):
    spans = (Entity("food", "soup", 6, 10),)
    text = merged(project, label("get\tme\nsoup", "order", entities=())).files["data/nlu.yml"]
    assert "- get me soup\n" in text
    text = merged(project, label("I say\nsoup", "order", entities=spans)).files["data/nlu.yml"]
    assert "- I say [soup](food)\n" in text


def test_line_ends_of_other_systems_stay(project: Path):
    (project / "data" / "nlu.yml").write_bytes(NLU.replace("\n", "\r\n").encode())
    text = merged(project, label("good day", "greet")).files["data/nlu.yml"]
    assert "    - good day\r\n" in text
    assert text.replace("\r\n", "").count("\n") == 0
