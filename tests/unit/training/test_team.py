"""Several processes train one model, each a share of every batch."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from bot.project.project import Example
from training.recipe import Recipe
from training.team import ALONE, Team, current, team

from .two_ranks import exactly

pytestmark = pytest.mark.torch


def test_two_processes_train_the_model_that_one_trains(
    examples: list[Example], recipe: Recipe, tiny_bert: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    from transformers import AutoModel, AutoTokenizer

    still = tmp_path / "still"  # no dropout, which each process draws for itself
    quiet = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    AutoModel.from_pretrained(tiny_bert, **quiet).save_pretrained(still)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(still)
    # Nine in a batch, so that the shares of two are not alike. Without entities the loss is a mean
    # over the rows alone, and so the mean of its shares.
    recipe = msgspec.structs.replace(
        recipe, encoder=str(still), epochs=2, batch_size=9, dropout=0.0, encoder_rate=3e-4
    )
    bare = [Example(text=example.text, intent=example.intent) for example in examples]
    (tmp_path / "examples.json").write_bytes(msgspec.json.encode(bare))
    (tmp_path / "recipe.json").write_bytes(msgspec.json.encode(recipe))
    script = Path(__file__).with_name("two_ranks.py")
    run = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         str(script), str(tmp_path)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]

    first, second = (load_file(tmp_path / f"{rank}-of-2.safetensors") for rank in (0, 1))
    monkeypatch.setattr("training.train.half_precision", lambda device: nullcontext())
    alone = exactly(tmp_path)
    assert torch.allclose(first["losses"], alone["losses"], atol=1e-4)
    for name, value in alone.items():
        assert torch.equal(first[name], second[name]), name
        if "pooler" not in name and "tag_head" not in name:  # which nothing is learnt for
            assert torch.allclose(first[name], value, atol=2e-4), name


def test_shares_are_everybody_and_even():
    parts = [Team(rank, 3).share(8) for rank in range(3)]
    assert sorted(row for rows, _ in parts for row in rows) == list(range(8))
    assert [part for _, part in parts] == [3 / 8, 3 / 8, 2 / 8]
    assert Team(2, 3).share(2)[1] == 0


def test_alone_nothing_is_shared():
    model = nn.Linear(1, 1)
    loss = torch.tensor(2.0)
    assert ALONE.add_up(loss, model) is loss
    assert list(ALONE.share(3)[0]) == [0, 1, 2]
    with team() as member:
        assert member == current() == ALONE
        assert member.leads
