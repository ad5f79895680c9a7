"""Questions and answers from a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ProjectError
from bot.model.package import project_files
from bot.project.check import check_project
from bot.project.faq import FaqText, read_faq
from bot.project.hashes import faq_hash
from bot.project.load import load_project
from bot.project.report import Report

CONFIG = "pipeline: [{name: FaqRetriever, folder: faq}]\npolicies: [{name: RulePolicy}]\n"
RULES = "rules: [{rule: faq, steps: [{intent: faq}, {action: utter_faq}]}]\n"
SHOP = """# Our shop

## How can I pay?
By card.

## How long does it take? {#delivery}
- also: When will it come?
* also: how many days

Two days.

- not also: this is text
### Is that fast? ###
Yes.
"""


def read(**files: str) -> tuple[list[FaqText], list[str]]:
    report = Report()
    names = {name.replace("_", "."): text for name, text in files.items()}
    entries = read_faq(names.items(), report)
    return entries, [str(problem) for problem in report.problems]


def project(folder: Path, **files: str) -> Path:
    (folder / "faq").mkdir()
    (folder / "data").mkdir()
    for name, text in {"config.yml": CONFIG, "data/rules.yml": RULES, **files}.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def test_a_heading_is_a_question_and_what_is_below_it_the_answer():
    entries, problems = read(shop_md=SHOP)
    assert problems == []
    assert [(each.id, each.questions) for each in entries] == [
        ("how_can_i_pay", ["How can I pay?"]),
        ("delivery", ["How long does it take?", "When will it come?", "how many days"]),
        ("is_that_fast", ["Is that fast?"]),
    ]
    assert entries[1].answer == "Two days.\n\n- not also: this is text"
    assert (entries[1].file, entries[1].line) == ("shop.md", 6)


def test_a_heading_in_a_code_block_is_part_of_the_answer():
    entries, _ = read(a_md="## How?\n```\n# not a question\n```\n")
    assert [each.questions for each in entries] == [["How?"]]


def test_rows_with_one_answer_are_wordings_of_one_entry():
    entries, problems = read(
        a_csv='question,answer\nWhen?,"Now, or so."\nAt what time?,"Now, or so."\nWhere?,Here\n'
    )
    assert problems == []
    assert [each.questions for each in entries] == [["When?", "At what time?"], ["Where?"]]


def test_rows_of_one_id_share_its_answer():
    entries, problems = read(a_csv="id,Question,Answer\nt,When?,Now\nt,At what time?,\n")
    assert problems == []
    assert [(each.id, each.questions, each.answer) for each in entries] == [
        ("t", ["When?", "At what time?"], "Now")
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a_md": "just text"}, "a.md: holds no question and answer."),
        ({"a_md": "## \nx"}, "a.md:1: a heading is no question."),
        ({"a_csv": "q,a\nx,y\n"}, "a.csv:1: has no column question and no column answer."),
        ({"a_csv": ""}, "a.csv:1: has no column question"),
        ({"a_csv": "question,answer\nx,\n"}, "a.csv:2: a row lacks its question or answer."),
        (
            {"a_csv": "id,question,answer\nt,x,1\nt,y,2\n"},
            "a.csv:3: the id 't' has another answer in line 2.",
        ),
        ({"a_csv": 'question,answer\n"x'}, "is no CSV: unexpected end of data."),
        ({"a_md": "## A?\nx\n## A?\ny"}, "a.md:3: there are two FAQ entries 'a', the first in"),
        ({"a_md": "## A? {#b/c}\nx"}, "a.md:1: a heading is no question."),
    ],
)
def test_what_is_wrong_is_said_with_its_place(files: dict[str, str], message: str):
    _, problems = read(**files)
    assert message in problems[0]


def test_answers_are_responses_and_the_intent_is_known(tmp_path: Path):
    found = load_project(project(tmp_path, **{"faq/shop.md": SHOP, "domain.yml": "intents: []"}))
    assert list(found.domain.responses) == [
        "utter_faq/how_can_i_pay",
        "utter_faq/delivery",
        "utter_faq/is_that_fast",
    ]
    assert found.domain.responses["utter_faq/how_can_i_pay"][0].text == "By card."
    assert list(found.domain.intents) == ["faq"]
    assert found.faq[0].name == "faq/how_can_i_pay"
    assert found.warnings == ()


def test_a_package_takes_the_files_along(tmp_path: Path):
    folder = project(tmp_path, **{"faq/shop.md": SHOP, "domain.yml": "intents: []"})
    assert folder / "faq/shop.md" in project_files(folder)


def test_an_faq_is_nothing_that_check_complains_about(tmp_path: Path):
    folder = project(tmp_path, **{"faq/shop.md": SHOP, "domain.yml": "slots: {}"})
    nlu = "nlu: [{intent: greet, examples: '- hi'}]"
    (folder / "data/nlu.yml").write_text(nlu, "utf-8")
    found = [str(each) for each in check_project(folder, environ={}) if each.file.startswith("faq")]
    assert found == []


def test_a_changed_answer_changes_what_the_index_is_of_and_is_not_taken_from_the_cache(
    tmp_path: Path,
):
    folder = project(tmp_path, **{"faq/shop.md": SHOP, "domain.yml": "intents: [faq]"})
    before = load_project(folder, cache=tmp_path / "cache")
    (folder / "faq/shop.md").write_text(SHOP.replace("By card.", "In cash."), "utf-8")
    after = load_project(folder, cache=tmp_path / "cache")
    assert after.faq[0].answer == "In cash."
    assert faq_hash(before) != faq_hash(after)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("pipeline: [{name: FaqRetriever}]", "FaqRetriever has no folder."),
        ("pipeline: [{name: FaqRetriever, folder: nowhere}]", "there is no folder 'nowhere'."),
        ("pipeline: [{name: FaqRetriever, folder: ../faq}]", "is outside the project."),
        ("pipeline: [{name: FaqRetriever, folder: data}]", "has no file ending in .md or .csv."),
        (
            "pipeline: [{name: FaqRetriever, folder: faq}, {name: FaqRetriever, folder: faq}]",
            "two FAQ folders have the intent 'faq'.",
        ),
        (
            "pipeline: [{name: FaqRetriever, folder: faq, threshold: 7}]",
            "threshold of FaqRetriever is 7.",
        ),
    ],
)
def test_a_folder_that_cannot_be_read_stops_the_start(tmp_path: Path, config: str, message: str):
    folder = project(
        tmp_path, **{"faq/a.md": "## A?\nx", "config.yml": config, "domain.yml": "intents: [faq]"}
    )
    with pytest.raises(ProjectError, match=message):
        load_project(folder)


@pytest.mark.parametrize("text", ["que\rstion,answer\n", '"question', "x" * 200_000])
def test_a_table_whose_first_line_is_no_csv_is_a_problem_of_the_project(text: str) -> None:
    entries, problems = read(a_csv=text)
    assert entries == []
    assert "a.csv:1: is no CSV" in problems[0]
