"""How a check ends, and how its result is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.project.check import judge
from bot.project.report import Problem
from bot.project.verdict import Format, Verdict, written
from tests.unit.project.conftest import PROJECTS, Write

ODD = Problem("error", "100% wrong:\nsays it, twice", "da:ta,x.yml", 3, 5, "Mend it.", "odd")
FINE = Problem("note", "all is well")


@pytest.mark.parametrize(
    ("severities", "strict", "status"),
    [
        ([], False, 0),
        (["note"], True, 0),
        (["note", "warning"], False, 0),
        (["warning"], True, 1),
        (["warning", "error"], False, 1),
    ],
)
def test_the_exit_status_says_how_bad_it_is(
    severities: list[str], strict: bool, status: int
) -> None:
    problems = tuple(Problem(severity, "m", "f") for severity in severities)  # type: ignore[arg-type]
    assert Verdict(Path(), problems).exit_status(strict=strict) == status


@pytest.mark.parametrize("strict", [False, True])
def test_a_folder_that_is_not_there_ends_with_two(tmp_path: Path, strict: bool) -> None:
    assert judge(tmp_path / "nowhere").exit_status(strict=strict) == 2


def test_an_empty_folder_is_a_project_with_an_error(tmp_path: Path) -> None:
    assert judge(tmp_path).exit_status() == 1


def test_text_ends_with_a_line_of_counts() -> None:
    lines = written(Verdict(Path("bot"), (ODD, FINE)), "text").splitlines()
    assert lines[-2:] == ["note: all is well", "bot: 1 error, 0 warnings, 1 note."]


def test_the_json_has_the_keys_that_are_documented() -> None:
    found = json.loads(written(Verdict(Path("bot"), (ODD, FINE)), "json"))
    assert found == {
        "schema": 1,
        "project": "bot",
        "errors": 1,
        "warnings": 0,
        "notes": 1,
        "problems": [
            {
                "severity": "error",
                "code": "odd",
                "message": "100% wrong:\nsays it, twice",
                "file": "da:ta,x.yml",
                "line": 3,
                "column": 5,
                "suggestion": "Mend it.",
            },
            {
                "severity": "note",
                "code": "read",
                "message": "all is well",
                "file": "",
                "line": None,
                "column": None,
                "suggestion": "",
            },
        ],
    }


def test_github_gets_commands_with_what_it_reads_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = written(Verdict(tmp_path / "bots" / "one", (ODD, FINE)), "github").splitlines()
    assert lines[0] == (
        "::error file=bots/one/da%3Ata%2Cx.yml,line=3,col=5,title=odd::"
        "100%25 wrong:%0Asays it, twice Mend it."
    )
    assert lines[1] == "::notice file=bots/one,title=read::all is well"


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_the_command_writes_each_format(form: Format) -> None:
    done = CliRunner().invoke(app, ["check", "-p", str(PROJECTS / "broken"), "--format", form])
    assert done.exit_code == 1
    assert "Did you mean 'utter_greet'?" in done.stdout
    if form == "json":
        assert json.loads(done.stdout)["errors"] > 10


def test_the_command_looks_back_as_far_as_it_is_told(write: Write) -> None:
    steps = "  - {intent: greet}\n  - {action: utter_greet}\n"
    told = "stories:\n" + "".join(
        f"- story: {n}\n  steps:\n  - {{intent: {n}}}\n  - {{action: utter_greet}}\n{steps}"
        f"  - {{action: {last}}}\n"
        for n, last in (("a", "action_a"), ("b", "action_b"))
    )
    domain = "intents: [greet, a, b]\nresponses: {utter_greet: [{text: Hi}]}\n"
    folder = write(f"{domain}actions: [action_a, action_b]\n", **{"data/s.yml": told})
    for more, found in (([], False), (["--max-history", "2"], True)):
        done = CliRunner().invoke(app, ["check", "-p", str(folder), *more])
        assert ("[story-conflict]" in done.stdout) == found
