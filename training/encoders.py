"""A name in a recipe becomes a pretrained encoder and its tokenizer."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from bot.errors import SettingsError

disable_progress_bar()  # type: ignore[no-untyped-call]  # a second of loading needs none


def find_encoder(name: str) -> str:
    """Where ``name`` is: a folder, an installed ``gt-*`` package's model, or the name itself."""
    if Path(name).is_dir():
        return name
    package = "gt_" + name.rsplit("/", 1)[-1].lower().replace("-", "_").replace(".", "_")
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    for folder in (found.submodule_search_locations or ()) if found else ():
        if (model := Path(folder) / "model").is_dir():
            return str(model)
    return name


def load_tokenizer(name: str, max_tokens: int) -> str:
    """The encoder's own tokenizer as tokenizer.json, cutting at ``max_tokens``, padding nothing."""
    try:
        loaded = AutoTokenizer.from_pretrained(find_encoder(name))
    except (OSError, ValueError) as error:
        raise _not_found(name, error) from error
    tokenizer = getattr(loaded, "backend_tokenizer", None)
    if not isinstance(tokenizer, Tokenizer):
        raise SettingsError(
            f"encoder {name!r} has no tokenizer.json. Serving needs one: choose an encoder with "
            "a fast tokenizer."
        )
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer.to_str()


def load_encoder(name: str, max_tokens: int) -> PreTrainedModel:
    """The pretrained encoder in float32.

    Raises:
        SettingsError: It cannot be found, or cannot read ``max_tokens`` tokens.
    """
    try:
        encoder: PreTrainedModel = AutoModel.from_pretrained(find_encoder(name), dtype="float32")
    except (OSError, ValueError) as error:
        raise _not_found(name, error) from error
    most = getattr(encoder.config, "max_position_embeddings", None)
    if most is not None and max_tokens > most:
        raise SettingsError(f"encoder {name!r} reads {most} tokens, max_tokens is {max_tokens}.")
    return encoder


def _not_found(name: str, error: Exception) -> SettingsError:
    offline = (
        " HF_HUB_OFFLINE is set, so nothing is downloaded."
        if os.environ.get("HF_HUB_OFFLINE", "0").lower() in {"1", "true", "yes", "on"}
        else ""
    )
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return SettingsError(
        f"encoder {name!r} was not found as a folder, an installed package or a Hugging Face "
        f"model: {reason}{offline}"
    )
