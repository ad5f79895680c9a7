"""`parley users`, on a project's own database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.errors import BadRequest, Conflict, NotFound, ParleyError
from tests.command import write

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))


def said(*arguments: str, command: str = "users", stdin: str = "") -> str:
    done = CliRunner().invoke(app, [command, *arguments], input=stdin)
    if isinstance(done.exception, ParleyError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def people() -> dict[str, dict[str, Any]]:
    found = map(json.loads, said("list", "--format", "json").splitlines())
    return {each["name"]: each for each in found}


def test_people_are_added_listed_changed_and_removed():
    assert said("list") == "0 people\n"
    said("add", "Mia", "--role", "builder", stdin=f"{PASSWORD}\n")
    said("add", "bob", stdin=f"{PASSWORD}\r\n")
    assert {name: each["role"] for name, each in people().items()} == {
        "bob": "agent",
        "mia": "builder",
    }
    said("role", "mia", "admin")
    said("disable", "MIA")
    assert (people()["mia"]["role"], people()["mia"]["disabled"]) == ("admin", True)
    said("enable", "mia")
    said("passwd", "mia", stdin="another long password\n")
    said("remove", "bob")
    assert not people()["mia"]["disabled"]
    assert "mia  admin  active  password" in said("list")
    assert "1 people\n" in said("list")


def test_somebody_is_kept_out_though_the_project_is_wrong_just_now(tmp_path: Path):
    said("add", "mia", stdin=f"{PASSWORD}\n")
    (tmp_path / "domain.yml").write_text("slots: {size: {type: flaot}}")
    (tmp_path / "data" / "rules.yml").write_text("rules: [{rule: x, steps: [{action: nope}]}]")
    said("disable", "mia")
    assert people()["mia"]["disabled"]
    assert "people.disable" in said("list", command="audit")
    assert said("list", command="outbox") == "0 replies\n"


def test_where_there_is_no_project_nobody_is_added(tmp_path: Path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(ParleyError, match="domain"):
        said("add", "mia", stdin=f"{PASSWORD}\n")


def test_nothing_of_a_password_is_shown():
    told = (
        said("add", "mia", stdin=f"{PASSWORD}\n") + said("list") + said("list", "--format", "json")
    )
    assert PASSWORD not in told
    assert "argon2" not in told


def test_every_change_is_in_the_audit_log():
    said("add", "mia", stdin=f"{PASSWORD}\n")
    said("role", "mia", "viewer")
    said("list")
    rows = map(json.loads, said("list", "--format", "json", command="audit").splitlines())
    assert [(row["action"], row["kind"], row["facts"]) for row in rows] == [
        ("people.add", "terminal", {"person": "mia", "role": "agent"}),
        ("people.role", "terminal", {"person": "mia", "role": "viewer"}),
    ]


def test_what_cannot_be_is_said_in_a_sentence():
    said("add", "mia", stdin=f"{PASSWORD}\n")
    with pytest.raises(Conflict, match="'mia'"):
        said("add", "MIA", stdin=f"{PASSWORD}\n")
    with pytest.raises(NotFound, match="'bob'"):
        said("disable", "bob")
    with pytest.raises(BadRequest, match="12 to 256"):
        said("add", "bob", stdin="short\n")
    with pytest.raises(BadRequest, match="no blanks"):
        said("add", "b ob", stdin=f"{PASSWORD}\n")
    assert list(people()) == ["mia"]


def test_a_password_is_no_argument():
    done = CliRunner().invoke(app, ["users", "add", "mia", PASSWORD])
    assert done.exit_code == 2
