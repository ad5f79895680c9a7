from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.errors import SettingsError
from training.encoders import find_encoder, load_encoder, load_tokenizer

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    "name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2", "all-minilm-l6-v2"]
)
def test_the_default_encoder_is_the_installed_package(name: str):
    assert (Path(find_encoder(name)) / "model.safetensors").is_file()


def test_a_folder_is_an_encoder(tiny_bert: Path):
    assert load_encoder(str(tiny_bert), 32).config.hidden_size == 32


def test_a_tokenizer_cuts_and_does_not_pad(tiny_bert: Path):
    saved = json.loads(load_tokenizer(str(tiny_bert), 24))
    assert saved["truncation"]["max_length"] == 24
    assert saved["padding"] is None


@pytest.mark.parametrize("load", [load_encoder, load_tokenizer])
def test_an_encoder_that_cannot_be_found_is_named(load, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(SettingsError, match="'no-such/encoder' was not found") as refused:
        load("no-such/encoder", 32)
    assert "HF_HUB_OFFLINE is set" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_no_encoder_is_told_what_it_lacks(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SettingsError) as refused:
        load_encoder(str(tmp_path), 32)
    assert "lacks model.safetensors or pytorch_model.bin; tokenizer.json or another vocabulary" in (
        str(refused.value)
    )
    assert "It holds config.json." in str(refused.value)


def test_an_empty_folder_is_told_what_it_lacks(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"lacks config\.json; .*It holds nothing"):
        load_tokenizer(str(tmp_path), 32)


def test_the_folder_around_an_encoder_names_the_one_that_was_meant(tmp_path: Path):
    (tmp_path / "checkpoint-9").mkdir()
    (tmp_path / "checkpoint-9" / "config.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"Perhaps .*checkpoint-9 was meant"):
        load_encoder(str(tmp_path), 32)


def test_a_file_is_no_encoder(tiny_bert: Path):
    with pytest.raises(SettingsError, match="is a file; what is wanted is the folder around it"):
        load_encoder(str(tiny_bert / "model.safetensors"), 32)


def test_more_tokens_than_the_encoder_reads_are_refused(tiny_bert: Path):
    with pytest.raises(SettingsError, match="reads 64 tokens, max_tokens is 100"):
        load_encoder(str(tiny_bert), 100)
