"""One file trained on, another scored."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from bot.errors import ParleyError
from bot.project.load import load_project
from bot.project.project import Example
from tests.unit.training.test_cli import CONFIG, DATA, DOMAIN, TESTS
from training.cli import register
from training.recipe import Recipe

pytestmark = pytest.mark.torch


@pytest.fixture
def files(tmp_path: Path, tiny_bert: Path) -> Path:
    (tmp_path / "train.yml").write_text(DATA)
    (tmp_path / "test.yml").write_text(TESTS + "- intent: unheard\n  examples: |\n    - what\n")
    (tmp_path / "recipe.toml").write_text(
        f"encoder = '{tiny_bert}'\nmax_tokens = 32\nepochs = 2\nsmall_steps = 0\nholdout = 0\n"
    )
    return tmp_path


def run(*words: str | Path, expect: type[BaseException] | None = None) -> Result:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, ["test", "nlu", *map(str, words)])
    if expect is None:
        assert result.exit_code == 0, (result.output, result.exception)
    else:
        assert isinstance(result.exception, expect), result.output
    return result


def trial(files: Path, *words: str | Path) -> dict[str, Any]:
    run("--train", files / "train.yml", "--test", files / "test.yml", "--recipe",
        files / "recipe.toml", "--out", files / "out" / "report.json", *words)  # fmt: skip
    found: dict[str, Any] = json.loads((files / "out" / "report.json").read_bytes())
    return found


def test_a_trial_scores_both_graphs_and_tells_what_it_was(files: Path):
    found = trial(files)
    assert found["train"]["examples"] == 8
    assert found["scores"]["int8"]["roc"].keys() == {"auc", "curve", "macro", "by_intent"}
    assert found["test"] | {"sha256": ""} == {
        "file": "test.yml",
        "sha256": "",
        "examples": 4,
        "intents": 3,
        "entities": 2,
        "kinds": 1,
    }
    assert found["seed"] == 7
    assert set(found["versions"]) >= {"parley", "python", "torch", "onnxruntime"}
    assert found["recipe"]["epochs"] == 2
    for graph in ("int8", "float32"):
        scores = found["scores"][graph]
        low, high = scores["intents"]["interval"]
        assert low <= scores["intents"]["accuracy"] <= high
        assert set(scores["intents"]["by_intent"]) == {"greet", "order", "unheard"}
        assert set(scores["entities"]["by_entity"]) >= {"colour"}
        assert sum(each["count"] for each in scores["calibration"]["bins"]) == 4
        assert scores["sentence_accuracy"] <= scores["intents"]["accuracy"]


def test_an_intent_that_was_never_trained_counts_as_wrong(files: Path):
    found = trial(files)
    assert found["scores"]["int8"]["intents"]["by_intent"]["unheard"]["recall"] == 0.0
    assert sum(count for _, _, count in found["counts"]) == 4
    assert {"what"} <= {mistake["text"] for mistake in found["mistakes"]}


def test_the_test_takes_nothing_from_the_training_data(files: Path):
    (files / "test.yml").write_text(DATA)
    found = trial(files)
    assert found["near_duplicates"] == 8
    assert found["train"]["examples"] == 8


def test_a_seed_given_takes_the_place_of_the_recipes(files: Path):
    assert trial(files, "--seed", "11")["seed"] == 11


def test_the_page_stands_alone(files: Path):
    trial(files)
    page = (files / "out" / "report.html").read_text()
    assert "train.yml → test.yml" in page
    for needed in ("http-equiv", "src=", "<link", "url(", "@import"):
        assert needed not in page
    for start in page.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + start.split("</svg>")[0] + "</svg>")


def test_what_users_wrote_is_no_markup_of_the_page(files: Path):
    (files / "test.yml").write_text(
        "nlu:\n- intent: <b>\n  examples: |\n    - <script>alert(1)</script>\n"
    )
    trial(files)
    page = (files / "out" / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_json_of_another_tool_is_read(files: Path):
    common = [{"text": text, "intent": "greet", "entities": []} for text in ("hi", "hello")]
    common.append({"text": "order", "intent": "order", "entities": []})
    other = files / "rasa.json"
    other.write_text(json.dumps({"rasa_nlu_data": {"common_examples": common}}))
    run("--train", files / "train.yml", "--test", other, "--recipe", files / "recipe.toml",
        "--out", files)  # fmt: skip
    assert json.loads((files / "report.json").read_bytes())["test"]["examples"] == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--train", "train.yml"], "--train and --test go together"),
        (["--train", "train.yml", "--test", "none.yml"], "no such file"),
        (["--train", "train.yml", "--test", "recipe.toml"], "no NLU data"),
        (["--train", "train.yml", "--test", "test.yml", "--out", "a.txt"], "ends in .json"),
        (["--train", "train.yml", "--test", "test.yml", "--recipe", "test.yml"], "TOML"),
    ],
)
def test_what_cannot_be_tried_is_said_in_a_sentence(
    words: list[str], says: str, files: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(files)
    assert says in str(run(*words, expect=ParleyError).exception)


def test_without_the_training_extra_one_sentence_says_so(files: Path):
    code = (
        "import sys; sys.modules['torch'] = None; "
        "sys.argv = ['parley', 'test', 'nlu', '--train', 'train.yml', '--test', 'test.yml']; "
        "from bot.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=files, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "install parley[train]" in done.stderr
    assert "Traceback" not in done.stderr


# Of a project


@pytest.fixture
def project(files: Path) -> Path:
    for name, text in {"data/nlu.yml": DATA, "domain.yml": DOMAIN, "config.yml": CONFIG}.items():
        path = files / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (files / "project" / "recipe.toml").write_text((files / "recipe.toml").read_text())
    return files / "project"


def test_folds_share_out_every_intent_and_every_example_once():
    from training.crossval import folds

    examples = [Example(f"{name}{at}", name) for name in "ab" for at in range(6)]
    parts = folds(examples, 3, seed=1)
    assert sorted(e.text for part in parts for e in part) == sorted(e.text for e in examples)
    assert all([e.intent for e in part].count("a") == 2 for part in parts)
    assert parts != folds(examples, 3, seed=2)


def test_in_cross_validation_every_sentence_is_read_by_a_model_that_has_not_seen_it(
    project: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
):
    from training import crossval

    seen: list[set[str]] = []
    build = crossval.build

    def watched(part: Any, *words: Any, **options: Any) -> Any:
        seen.append({example.text for example in part.nlu.examples})
        return build(part, *words, **options)

    monkeypatch.setattr(crossval, "build", watched)
    quick = msgspec.structs.replace(recipe, epochs=1)
    heard = crossval.cross_validate(load_project(project), quick, 2)
    assert len(heard) == 2
    for trained, part in zip(seen, heard, strict=True):
        assert not trained & {each.example.text for each in part}
    assert sum(len(part) for part in heard) == 8


def test_cross_validation_reports_over_all_folds(project: Path):
    out = project / "results"
    shown = run("--project", project, "--cross-validation", "-f", "2", "--out", out)
    assert "mean" in shown.output
    report = json.loads((out / "intent_report.json").read_bytes())
    assert report["weighted avg"]["support"] == 8


def test_more_folds_than_sentences_are_refused(project: Path):
    refused = run("--project", project, "--cross-validation", "-f", "5", expect=ParleyError)
    assert "too few for 5 folds" in str(refused.exception)


def test_the_current_model_reads_a_projects_tests(project: Path):
    app = typer.Typer()
    register(app)
    trained = CliRunner().invoke(app, ["train", "--project", str(project)])
    assert trained.exit_code == 0, trained.output
    (project / "tests").mkdir()
    (project / "tests" / "nlu.yml").write_text(TESTS)
    shown = run("--project", project, "--out", project / "results")
    assert "on 3 sentences" in shown.output
    report = json.loads((project / "results" / "intent_report.json").read_bytes())
    assert report["weighted avg"]["support"] == 3
