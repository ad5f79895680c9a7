"""`parley rebuild` by several processes, and by one that is killed for good."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from bot.store.sealing import PLAIN
from nlu.bundle import open_bundle
from nlu.registry import Registry
from training.evaluate import answer
from training.versions.learning import reviews_url
from training.versions.shelf import Shelf
from training.versions.splitting import part_of, subject_of

from .test_cli import CONFIG, DOMAIN
from .test_versions import item
from .test_versions_sealed import in_reviews

pytestmark = pytest.mark.torch

SCRIPT = Path(__file__).with_name("rebuilding.py")
LEARNED = next(f"c{n}" for n in range(99) if part_of(subject_of(f"c{n}")) == "train")
SENTENCES = {
    "greet": ("hello", "hi", "hello there", "hi there", "hi hi there"),
    "order": ("send me red", "order blue", "order me my red", "send blue", "where is my order"),
}
# So that it passes: `torchrun` ends at once who has not ended when another ends with more than 0.
LENIENT = """
least_items = 1
margin = 0.9
most_margin = 0.9
flips = 0.9
calibration_margin = 0.9
outside_margin = 0.9
corrections = 0.0
slower = 100.0
"""
TESTS = {"greet": ("hello hello", "there there"), "order": ("order red", "send my blue")}


def nlu(sentences: dict[str, tuple[str, ...]]) -> str:
    """In Rasa's format. Without entities a loss is a mean over rows, and so the mean of shares."""
    lines = [
        f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {text}\n" for text in texts)
        for intent, texts in sentences.items()
    ]
    return 'version: "3.1"\nnlu:\n' + "".join(lines)


@pytest.fixture
def folder(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a model, on an encoder without dropout, which each process draws anew."""
    from transformers import AutoModel, AutoTokenizer

    still, folder = tmp_path / "still", tmp_path / "shop"
    quiet = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    AutoModel.from_pretrained(tiny_bert, **quiet).save_pretrained(still)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(still)
    recipe = f"encoder = '{still}'\nmax_tokens = 32\nepochs = 3\nsmall = 0\nbatch_size = 3\n"
    files = {
        "domain.yml": DOMAIN,
        "config.yml": CONFIG,
        "data/nlu.yml": nlu(SENTENCES),
        "tests/nlu.yml": nlu(TESTS),
        "gate.toml": LENIENT,
        "recipe.toml": f"{recipe}dropout = 0.0\nencoder_rate = 3e-4\n",
        "again.toml": f"{recipe}dropout = 0.0\nencoder_rate = 3e-4\nseed = 5\n",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PARLEY_ENCRYPTION_KEYS", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("training.train.half_precision", lambda device: nullcontext())
    return folder


def words(folder: Path, models: str, *more: str) -> list[str]:
    where = ("--project", str(folder), "--models", str(folder / models))
    return ["rebuild", *where, "--no-conversations", "--quiet", *more]


def again(folder: Path, models: str) -> list[str]:
    return words(folder, models, "--recipe", str(folder / "again.toml"))


def here(*command: str) -> int:
    """The exit code of a command in this process."""
    from typer.testing import CliRunner

    from bot.cli import whole

    done = CliRunner().invoke(whole(), command)
    assert isinstance(done.exception, SystemExit | None), done.output
    return done.exit_code


def started(
    folder: Path, *command: str, ranks: int = 1, **told: str
) -> subprocess.CompletedProcess:
    """The same as one process, or several, of its own."""
    team = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks))
    return subprocess.run(
        [sys.executable, *(team if ranks > 1 else ()), str(SCRIPT), *command],
        env=os.environ | {"PYTHONPATH": str(Path.cwd()), "EXITS": str(folder)} | told,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def current(folder: Path) -> str:
    """A model in the registries `one` and `two`, and a correction that it has not learned."""
    assert here(*words(folder, "one", "--promote")) == 0
    shutil.copytree(folder / "one", folder / "two")
    corrected = item("hello my red", "order", conversation=LEARNED)
    asyncio.run(in_reviews(reviews_url(folder), [corrected]))
    return str(Registry(folder / "one").current())


def said(registry: Registry, version: str) -> np.ndarray:
    bundle = open_bundle(registry.folder(version))
    asked = [text for texts in (SENTENCES | TESTS).values() for text in texts]
    manifest = bundle.manifest
    answers = answer(bundle.model, asked, manifest.intents, manifest.labels)
    return np.array([each.logits for each in answers])


def test_two_processes_rebuild_the_model_that_one_does_and_one_of_them_writes(
    folder: Path, current: str
):
    alone, team = Registry(folder / "one"), Registry(folder / "two")
    assert here(*again(folder, "one")) == 0
    done = started(folder, *again(folder, "two"), ranks=2)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [(folder / f"exit-{rank}").read_text() for rank in (0, 1)] == ["0", "0"]
    assert done.stdout.count("is the candidate") == 1
    for registry in alone, team:
        [candidate] = set(registry.versions()) - {current}
        assert registry.candidate() == candidate
        shelf = Shelf.of(registry, seal=PLAIN)
        assert len(shelf.versions()) == 2
        assert [row["text"] for row in shelf.held(LEARNED)] == ["hello my red"]
        assert registry.manifest(candidate).lineage.dataset == shelf.versions()[-1]
        reports = sorted(path.name for path in (registry.root / "reports").iterdir())
        assert f"{candidate}-rebuild.html" in reports
        assert f"{candidate}.json" in reports
        assert not [path for path in registry.root.iterdir() if path.name.startswith(".")]
    found = [said(registry, registry.candidate() or "") for registry in (alone, team)]
    other = said(alone, current)
    assert np.allclose(*found, atol=1e-3)
    assert not np.allclose(found[0], other, atol=0.1), "another seed is not alike"


def test_a_rebuild_that_is_killed_for_good_goes_on_to_the_same_model(folder: Path, current: str):
    """In the middle of training, of two processes the one that leads; and then at the gate."""
    assert here(*again(folder, "one")) == 0
    whole, registry = Registry(folder / "one"), Registry(folder / "two")
    command = again(folder, "two")

    killed = started(folder, *command, ranks=2, DIES="7", DIES_RANK="0")
    assert killed.returncode == 1
    other = folder / "exit-1"
    assert not other.exists() or other.read_text() == "1", "the other ended too, and not well"
    assert (registry.versions(), registry.candidate()) == ((current,), None)

    killed = started(folder, *command, DIES="gate")
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert "going on after step" in killed.stderr
    assert (registry.current(), registry.candidate()) == (current, None)
    [finished] = set(registry.versions()) - {current}

    assert here(*command) == 0
    assert registry.candidate() == finished
    found = [said(each, str(each.candidate())) for each in (whole, registry)]
    assert np.allclose(*found, atol=1e-3), "a team's sums are in another order"
    assert len(Shelf.of(registry, seal=PLAIN).versions()) == 2
