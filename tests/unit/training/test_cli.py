from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from bot.errors import ParleyError
from nlu.registry import Registry
from training.cli import register
from training.work import told_scores

pytestmark = pytest.mark.torch

DATA = """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
    - hi
    - hello there
    - hi there
- intent: order
  examples: |
    - send me [red](colour) socks
    - order [blue](colour) hats
    - order me [pink](colour) tea
    - send [green](colour) hats
"""
TESTS = """
version: "3.1"
nlu:
- intent: order
  examples: |
    - send me [red](colour) sock
    - order [red](colour) ones
- intent: greet
  examples: |
    - hi hello
"""
DOMAIN = """
version: "3.1"
intents: [greet, order]
entities: [colour]
"""
CONFIG = """
version: "3.1"
language: en
pipeline: [{name: DIETClassifier}]
policies: [{name: RulePolicy}]
"""


@pytest.fixture
def folder(tmp_path: Path, tiny_bert: Path) -> Path:
    files = {"data/nlu.yml": DATA, "tests/nlu.yml": TESTS, "domain.yml": DOMAIN}
    files |= {
        "config.yml": CONFIG,
        "recipe.toml": f"encoder = '{tiny_bert}'\nmax_tokens = 32\nepochs = 2\nsmall_steps = 0\n",
    }
    for name, content in files.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "project"


@pytest.fixture
def parley(folder: Path):
    app = typer.Typer()
    register(app)

    def run(*words: str, expect: type[BaseException] | None = None) -> Result:
        command, *rest = words
        result = CliRunner().invoke(app, [command, "--project", str(folder), *rest])
        if expect is None:
            assert result.exit_code == 0, (result.output, result.exception)
        else:
            assert isinstance(result.exception, expect), result.output
        return result

    return run


def current(folder: Path) -> str | None:
    return Registry(folder / "models").current()


def test_a_first_run_trains_and_a_second_has_nothing_to_do(parley, folder: Path):
    first = parley("train", "--quiet")
    version = current(folder)
    assert f"model {version}: intents" in first.output
    assert "step 1/" in first.stderr
    assert f"model {version} is up to date" in parley("train").output
    assert current(folder) == version


def test_changed_data_or_recipe_or_force_trains_again(parley, folder: Path):
    parley("train")
    seen = {current(folder)}
    (folder / "data" / "nlu.yml").write_text(DATA + "    - order [red](colour)\n")
    parley("train")
    seen.add(current(folder))
    parley("train", "--epochs", "1")
    seen.add(current(folder))
    parley("train", "--epochs", "1", "--force")
    assert len({*seen, current(folder)}) == 4
    assert len(Registry(folder / "models").versions()) == 4


def test_a_model_that_is_there_teaches_the_next(parley, folder: Path):
    parley("train")
    first = str(current(folder))
    shown = parley("train", "--quiet", "--teacher", first)
    assert f"taught by {first}: 2 intents, 1 kinds of entities" in shown.stderr
    kept = (folder / "models" / str(current(folder)) / "recipe.toml").read_text()
    assert f'teacher = "{folder / "models" / first}"' in kept
    parley("train", "--teacher", str(folder / "models"), expect=ParleyError)


def test_a_damaged_model_is_replaced(parley, folder: Path):
    parley("train")
    (folder / "models" / current(folder) / "manifest.json").write_text("{}")
    assert "entities F1" in parley("train").output


@pytest.mark.parametrize(
    ("more", "entities"),
    [({}, ", entities F1 0.0%"), ({"entities": 0}, ""), ({"entities": 3}, ", entities F1 0.0%")],
)
def test_an_f1_is_told_only_where_there_are_entities_to_find(more, entities: str):
    scores = {"sentences": 4, "intent_accuracy": 1.0, "entity_f1": 0.0}
    assert told_scores(scores | more) == f"intents 100.0%{entities} on 4 sentences"


def test_a_model_that_nothing_judged_has_no_scores():
    scores = {"sentences": 0, "intent_accuracy": 0.0, "entity_f1": 0.0, "entities": 0}
    assert told_scores(scores) == "too few examples to keep any back and judge by"


def test_the_manifest_says_how_many_entities_there_were_to_find(parley, folder: Path):
    parley("train")
    assert Registry(folder / "models").manifest(current(folder)).scores["int8"]["entities"] == 2


def test_the_project_may_be_named_behind_the_command(parley, tmp_path: Path):
    other = tmp_path / "other"
    assert (
        f"{other / 'models'} holds no model"
        in parley("models", "list", "--project", str(other)).output
    )


def test_models_are_listed_and_an_older_one_can_be_used(parley, folder: Path):
    assert "holds no model yet" in parley("models").output
    parley("train")
    old = current(folder)
    parley("train", "--epochs", "1")
    assert old != current(folder)
    assert f"* {current(folder)}" in parley("models", "list").output
    parley("models", "use", old)
    assert current(folder) == old
    refused = parley("models", "use", "unheard-of", expect=ParleyError)
    assert "no version 'unheard-of'" in str(refused.exception)


def test_evaluate_shows_every_entity(parley, folder: Path):
    parley("train")
    shown = parley("evaluate").output
    assert "on 3 sentences" in shown
    assert "colour" in shown
    assert '"intent_accuracy"' in parley("evaluate", "--json").output


def test_evaluate_without_a_model_says_what_to_do(parley):
    refused = parley("evaluate", expect=ParleyError)
    assert "Run `parley train` first" in str(refused.exception)


def test_evaluate_names_a_file_that_is_wrong(parley, folder: Path):
    parley("train")
    (folder / "wrong.yml").write_text("nlu:\n- intent: greet\n  exmples: |\n    - hi\n")
    refused = parley("evaluate", "--data", str(folder / "wrong.yml"), expect=ParleyError)
    assert "wrong.yml:3" in str(refused.exception)


def test_overlap_trains_nothing(parley, folder: Path):
    shown = parley("train", "--overlap").output
    assert "'send me red socks' ~ 'send me red sock'" in shown
    assert "1 of 8 examples are left out" in shown
    assert current(folder) is None


def test_a_pipeline_that_learns_nothing_is_not_trained(parley, folder: Path):
    (folder / "config.yml").write_text(CONFIG.replace("DIETClassifier", "KeywordIntentClassifier"))
    assert "nothing in the pipeline" in parley("train").output
    assert current(folder) is None


def test_an_unknown_number_of_the_recipe_is_refused(parley, folder: Path):
    (folder / "recipe.toml").write_text("epocs = 3\n")
    refused = parley("train", expect=ParleyError)
    assert "epocs" in str(refused.exception)


def test_without_torch_one_sentence_says_what_to_install(parley, monkeypatch: pytest.MonkeyPatch):
    there = {name: each for name, each in sys.modules.items() if name.startswith("training")}
    for name, module in there.items():
        parent, _, last = name.rpartition(".")
        if parent and name != "training.cli":
            monkeypatch.setattr(there[parent], last, module)  # which is so again afterwards
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    refused = parley("train", expect=ParleyError)
    assert "install parley[train]" in str(refused.exception)


def test_joining_the_command_imports_nothing_heavy():
    code = (
        "import sys, typer; from training.cli import register; register(typer.Typer());"
        "print([m for m in ('torch', 'transformers', 'onnx', 'numpy', 'onnxruntime')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
