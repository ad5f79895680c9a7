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


def test_an_empty_folder_is_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="was not found"):
        load_encoder(str(tmp_path), 32)


def test_more_tokens_than_the_encoder_reads_are_refused(tiny_bert: Path):
    with pytest.raises(SettingsError, match="reads 64 tokens, max_tokens is 100"):
        load_encoder(str(tiny_bert), 100)
