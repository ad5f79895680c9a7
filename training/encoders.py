"""A name in a recipe becomes a pretrained encoder and its tokenizer."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from tokenizers import Tokenizer
from torch import nn

from bot.errors import SettingsError
from training.bert import bert_config, open_bert

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from training.bert import Pretrained

PLACES = ("position_embeddings", "embed_positions", "wpe")
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
# Of how text is normalised: what tokenizer_config.json calls it, and tokenizer.json.
NORMAL = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # or parts of them, with an index
VOCABULARY = (
    TOKENIZER, "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model",
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
    found = find_encoder(name)
    tokenizer = _bert_tokenizer(Path(found)) or _any_tokenizer(name, found)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer.to_str()


def load_encoder(name: str, max_tokens: int) -> Pretrained:
    """The pretrained encoder in float32, for training and for asking.

    Raises:
        SettingsError: It cannot be found, or cannot read ``max_tokens`` tokens.
    """
    bert = open_bert(Path(find_encoder(name)))
    if bert is None:
        return load_pretrained(name, max_tokens)
    _check_length(name, bert, max_tokens)
    return bert


def load_pretrained(name: str, max_tokens: int) -> PreTrainedModel:
    """The same as transformers has it: it can be saved, and its vocabulary resized."""
    from transformers import AutoModel
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # a second of loading needs none
    try:
        encoder: PreTrainedModel = AutoModel.from_pretrained(find_encoder(name), dtype="float32")
    except (OSError, ValueError) as error:
        raise _not_found(name, error) from error
    _check_length(name, encoder, max_tokens)
    return encoder


def _check_length(name: str, encoder: Pretrained, max_tokens: int) -> None:
    most = longest(encoder)
    if most is not None and max_tokens > most:
        raise SettingsError(f"encoder {name!r} reads {most} tokens, max_tokens is {max_tokens}.")


def _bert_tokenizer(folder: Path) -> Tokenizer | None:
    """The tokenizer.json of a BERT; None where there is none, or the settings beside it would
    change it."""
    if bert_config(folder) is None:
        return None
    try:
        pieces, said = (
            msgspec.json.decode((folder / name).read_bytes(), type=dict[str, Any])
            for name in (TOKENIZER, TOKENIZER_CONFIG)
        )
    except (OSError, msgspec.DecodeError):
        return None
    return Tokenizer.from_file(str(folder / TOKENIZER)) if _agree(pieces, said) else None


def _agree(pieces: dict[str, Any], said: dict[str, Any]) -> bool:
    """Whether tokenizer_config.json says nothing that tokenizer.json does not."""
    normal = pieces.get("normalizer") or {}
    if any(key in said and said[key] != normal.get(name) for key, name in NORMAL.items()):
        return False
    special = [*said.get("added_tokens_decoder", {}).values()]
    special += [value for key, value in said.items() if key.endswith("_token") and value]
    named = {token["content"] if isinstance(token, dict) else token for token in special}
    return named <= {token["content"] for token in pieces.get("added_tokens", ())}


def _any_tokenizer(name: str, found: str) -> Tokenizer:
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(found)
    except (OSError, ValueError) as error:
        raise _not_found(name, error) from error
    tokenizer = getattr(loaded, "backend_tokenizer", None)
    if not isinstance(tokenizer, Tokenizer):
        raise SettingsError(
            f"encoder {name!r} has no tokenizer.json. Serving needs one: choose an encoder with "
            "a fast tokenizer."
        )
    return tokenizer


def longest(encoder: Pretrained) -> int | None:
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
