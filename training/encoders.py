"""A name in a recipe becomes a pretrained encoder and its tokenizer."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from tokenizers import Tokenizer
from torch import nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel
from transformers.utils.logging import disable_progress_bar

from bot.errors import SettingsError

PLACES = ("position_embeddings", "embed_positions", "wpe")

disable_progress_bar()  # type: ignore[no-untyped-call]  # a second of loading needs none


CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # or parts of them, with an index
VOCABULARY = (
    "tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model",
    "spm.model", "tokenizer.model",
)  # fmt: skip


def find_encoder(name: str) -> str:
    """Where ``name`` is: a folder, an installed ``gt-*`` package's model, or the name itself.

    Raises:
        SettingsError: The folder lacks what makes an encoder.
    """
    folder = Path(name)
    if folder.is_dir():
        _check_folder(folder)
        return name
    if folder.is_file():
        raise SettingsError(f"encoder {name!r} is a file; what is wanted is the folder around it.")
    package = "gt_" + name.rsplit("/", 1)[-1].lower().replace("-", "_").replace(".", "_")
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    for place in (found.submodule_search_locations or ()) if found else ():
        if (model := Path(place) / "model").is_dir():
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
    most = longest(encoder)
    if most is not None and max_tokens > most:
        raise SettingsError(f"encoder {name!r} reads {most} tokens, max_tokens is {max_tokens}.")
    return encoder


def longest(encoder: PreTrainedModel) -> int | None:
    """How many tokens ``encoder`` can read; None where its places are only relative."""
    places = [module for name, module in encoder.named_modules() if name.endswith(PLACES)]
    if places and isinstance(places[0], nn.Embedding):
        # RoBERTa and its like count from behind the number of the padding.
        padding = places[0].padding_idx
        return places[0].num_embeddings - (0 if padding is None else padding + 1)
    most: int | None = getattr(encoder.config, "max_position_embeddings", None)
    return None if getattr(encoder.config, "relative_attention", False) else most


def _check_folder(folder: Path) -> None:
    """Raise SettingsError with all that is missing."""
    names = {path.name for path in folder.iterdir()}
    missing = [] if CONFIG in names else [CONFIG]
    if not any(w in names or f"{w}.index.json" in names for w in WEIGHTS):
        missing.append(" or ".join(WEIGHTS))
    if not names.intersection(VOCABULARY):
        missing.append("tokenizer.json or another vocabulary")
    if not missing:
        return
    there = ", ".join(sorted(names)[:8]) or "nothing"
    within = sorted(path.parent.name for path in folder.glob(f"*/{CONFIG}"))
    hint = f" Perhaps {folder / within[0]} was meant." if within else ""
    raise SettingsError(
        f"encoder {str(folder)!r} is no folder of an encoder: it lacks {'; '.join(missing)}. "
        f"It holds {there}.{hint}"
    )


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
