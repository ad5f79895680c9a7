"""A BERT read without transformers is the one that transformers reads."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.bert import Bert, open_bert
from training.encoders import load_encoder, load_pretrained, load_tokenizer

pytestmark = pytest.mark.torch

IDS = torch.tensor([[2, 7, 8, 9, 3], [2, 5, 3, 0, 0]])
MASK = (IDS > 0).long()
TYPES = torch.tensor([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]])


@pytest.fixture
def folder(tiny_bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bert, tmp_path / "encoder"))


def change(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("types", [None, TYPES])
def test_it_reads_as_transformers_does(tiny_bert: Path, types: torch.Tensor | None):
    ours, theirs = load_encoder(str(tiny_bert), 32), load_pretrained(str(tiny_bert), 32)
    assert isinstance(ours, Bert)
    given = {"input_ids": IDS, "attention_mask": MASK, "token_type_ids": types}
    for encoder in (ours, theirs):
        encoder.train()
    said = []
    for encoder in (ours, theirs):
        torch.manual_seed(1)  # both drop the same
        said.append(encoder(**given).last_hidden_state)
        said[-1].square().sum().backward()
    torch.testing.assert_close(said[0], said[1])
    gradients = [
        {name: each.grad for name, each in encoder.named_parameters() if each.grad is not None}
        for encoder in (ours, theirs)
    ]
    torch.testing.assert_close(gradients[0], gradients[1])


def test_opening_one_draws_nothing(tiny_bert: Path):
    before = torch.get_rng_state()
    open_bert(tiny_bert)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_are_found_by_their_old_names(folder: Path):
    plain = open_bert(folder)
    weights = load_file(folder / "model.safetensors")
    old = {
        "bert." + name.replace("LayerNorm.weight", "LayerNorm.gamma"): value
        for name, value in weights.items()
    }
    save_file(old, folder / "model.safetensors")
    renamed = open_bert(folder)
    assert plain
    assert renamed
    torch.testing.assert_close(renamed.state_dict(), plain.state_dict())


@pytest.mark.parametrize(
    "changes", [{"hidden_act": "relu"}, {"model_type": "roberta"}, {"is_decoder": True}]
)
def test_of_another_kind_it_knows_nothing(folder: Path, changes: dict[str, object]):
    change(folder / "config.json", **changes)
    assert open_bert(folder) is None


def test_weights_that_do_not_fit_are_left_to_transformers(folder: Path):
    change(folder / "config.json", num_hidden_layers=3)
    assert open_bert(folder) is None


def test_a_tokenizer_is_as_transformers_would_write_it(folder: Path):
    own = load_tokenizer(str(folder), 24)
    (folder / "config.json").unlink()  # so that it is no BERT that is known
    (folder / "config.json").write_text('{"model_type": "bert"}')
    assert json.loads(load_tokenizer(str(folder), 24)) == json.loads(own)


def test_settings_beside_a_tokenizer_are_obeyed(folder: Path):
    change(folder / "tokenizer_config.json", mask_token="<hidden>")
    added = json.loads(load_tokenizer(str(folder), 24))["added_tokens"]
    assert "<hidden>" in [token["content"] for token in added]


def test_transformers_stays_unread(tiny_bert: Path):
    look = f"""
import sys
from training import make, policy_publish, publish
from training.encoders import load_encoder, load_tokenizer
load_encoder({str(tiny_bert)!r}, 32), load_tokenizer({str(tiny_bert)!r}, 32)
print([name for name in ("transformers", "scipy", "sklearn") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
