"""`parley convert nlu`, `parley migrate` and the options of paths, as commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.errors import ProjectError
from bot.project.load import load_project
from tests.unit.project.conftest import DOMAIN, Write
from tests.unit.project.test_formats import LUIS, RASA
from tests.unit.project.test_migrate import OLD

run = CliRunner().invoke


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "luis.json"
    path.write_text(json.dumps(LUIS))
    return path


def test_without_a_file_to_write_the_yaml_is_shown(source: Path) -> None:
    done = run(app, ["convert", "nlu", str(source)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith('version: "3.1"\nnlu:\n- intent: go\n  examples: |\n')
    assert '    - to [Rome]{"entity": "city", "role": "to"}\n' in done.stdout


def test_several_files_become_one(source: Path, tmp_path: Path) -> None:
    (tmp_path / "rasa.json").write_text(json.dumps(RASA))
    out = tmp_path / "new" / "nlu.yml"
    done = run(app, ["convert", "nlu", str(source), str(tmp_path / "rasa.json"), "-o", str(out)])
    assert done.stdout == f"{out}: 3 examples, 4 synonyms.\n"
    assert out.read_text().count("- intent: ") == 2


def test_a_file_that_is_there_is_not_written_over(source: Path) -> None:
    done = run(app, ["convert", "nlu", str(source), "--out", str(source)])
    assert isinstance(done.exception, ProjectError)
    assert "is there already" in str(done.exception)
    assert json.loads(source.read_text()) == LUIS


def test_migrate_says_what_it_wrote_and_once_more_nothing(write: Write) -> None:
    folder = write(OLD)
    done = run(app, ["migrate", "--project", str(folder)])
    assert done.stdout == f"{folder}/domain.yml is a domain of Rasa 3.1 now.\n"
    assert load_project(folder).warnings == ()
    again = run(app, ["migrate", "--project", str(folder)])
    assert again.stdout == "There is no domain file of Rasa 2: nothing was written.\n"


def test_check_takes_its_files_from_where_it_is_told(write: Write, tmp_path: Path) -> None:
    folder = write("intents: [a, a]\n", **{"other/my_domain.yml": DOMAIN})
    assert run(app, ["check", "--project", str(folder)]).exit_code == 1
    chosen = ["-d", "other/my_domain.yml"]
    assert run(app, ["check", "--project", str(folder), *chosen]).exit_code == 0
