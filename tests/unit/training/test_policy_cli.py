"""`parley train`, of a project whose stories are learnt from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from bot.model.package import pack, unpack
from bot.model.policy import policy_registry
from training.cli import register

pytestmark = pytest.mark.torch

Run = Callable[..., Result]

FILES = {
    "domain.yml": "version: '3.1'\nintents: [greet, bye]\n"
    "responses:\n  utter_hi: [{text: hi}]\n  utter_bye: [{text: bye}]\n",
    "config.yml": "language: en\npipeline: [{name: KeywordIntentClassifier}]\n"
    "policies: [{name: TEDPolicy, epochs: 2}]\n",
    "data/stories.yml": "version: '3.1'\nstories:\n- story: hello\n  steps:\n"
    "  - intent: greet\n  - action: utter_hi\n  - intent: bye\n  - action: utter_bye\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "project"


@pytest.fixture
def train(folder: Path) -> Run:
    app = typer.Typer()
    register(app)

    def run(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["train", *words, "--project", str(folder), "--quiet"])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


def current(folder: Path) -> str | None:
    return policy_registry(folder / "models").current()


def test_without_sentences_the_policy_model_alone_is_trained(train: Run, folder: Path):
    config = FILES["config.yml"].replace("KeywordIntentClassifier", "DIETClassifier")
    (folder / "config.yml").write_text(config)
    train()
    assert current(folder) is not None
    assert "or there are no examples" in train("nlu").output


def test_the_policy_model_is_trained_once_and_again_when_stories_change(train: Run, folder: Path):
    assert "policy model" in train().output
    first = current(folder)
    assert first is not None
    assert f"policy model {first} is up to date" in train().output
    more = FILES["data/stories.yml"] + "  - intent: greet\n  - action: utter_hi\n"
    (folder / "data/stories.yml").write_text(more)
    assert "stories, domain or policies changed" in train("--dry-run", code=1).output
    train()
    assert current(folder) != first
    train("--augmentation", "3")
    assert len(policy_registry(folder / "models").versions()) == 3


def test_a_dry_run_trains_nothing_and_says_why_as_its_exit_code(train: Run, folder: Path):
    assert "would be trained: there is none yet" in train("--dry-run", code=1).output
    assert current(folder) is None
    train("core")
    assert "is up to date" in train("--dry-run").output
    assert "--force" in train("--dry-run", "--force", code=8).output


def test_a_part_alone_is_trained_and_the_other_is_not_spoken_of(train: Run, folder: Path):
    assert "nothing in the pipeline" in train("nlu").output
    assert current(folder) is None
    assert "policy" not in train("nlu").output


def test_without_stories_or_a_policy_that_learns_nothing_is_trained(train: Run, folder: Path):
    (folder / "config.yml").write_text(FILES["config.yml"].replace("TEDPolicy", "RulePolicy"))
    assert "no policy of config.yml is trained" in train("core").output


def test_a_domain_that_cannot_be_read_is_an_error_to_whoever_calls(train: Run, folder: Path):
    (folder / "domain.yml").write_text("intents: [greet\n")
    assert "domain.yml:2:1: not valid YAML" in str(train("core", code=1).exception)
    assert current(folder) is None


def test_a_package_holds_the_policy_model(train: Run, folder: Path, tmp_path: Path):
    train()
    pack(folder, folder / "models", tmp_path / "model.tar.gz")
    (tmp_path / "unpacked").mkdir()
    unpack(tmp_path / "model.tar.gz", tmp_path / "unpacked")
    registry = policy_registry(tmp_path / "unpacked" / "models")
    assert registry.current() == current(folder)
    assert registry.versions() == (current(folder),)
