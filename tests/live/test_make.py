"""What `make` says on a machine that lacks something."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
pytestmark = pytest.mark.services


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A checkout in which nothing is installed."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "constraints-actions.txt"):
        shutil.copy(CHECKOUT / name, tmp_path)
    return tmp_path


def make(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *words],
        cwd=folder,
        env=inherited | environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


def own_words(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What was written to stderr, without make's own closing line."""
    return [line for line in done.stderr.splitlines() if not line.startswith("make")]


def test_a_missing_python_is_one_sentence_with_the_package(fresh: Path):
    done = make(fresh, "run", "PYTHON=no-such-python")
    assert done.returncode != 0
    [sentence] = own_words(done)
    assert sentence.startswith("Parley needs Python 3.11: install it (Debian: apt-get install")


def test_a_python_without_ensurepip_is_one_sentence_with_the_package(fresh: Path):
    python = fresh / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    done = make(fresh, "run", f"PYTHON={python}")
    assert done.returncode != 0
    assert own_words(done) == [
        "Python's venv module is incomplete: apt-get install python3.11-venv"
    ]


def test_no_network_is_one_sentence(fresh: Path):
    nowhere = "http://127.0.0.1:9/simple"
    done = make(
        fresh, "run", PIP_INDEX_URL=nowhere, PIP_EXTRA_INDEX_URL=nowhere, PIP_CONFIG_FILE=os.devnull
    )
    assert done.returncode != 0
    [sentence] = own_words(done)
    assert sentence.startswith("Could not install the installer. Is there a network?")
    assert "uv" in sentence


def test_make_alone_lists_what_there_is(fresh: Path):
    done = make(fresh)
    assert done.returncode == 0
    for target in ("run", "train", "test", "check", "bench", "clean"):
        assert f"\n  {target} " in done.stdout
