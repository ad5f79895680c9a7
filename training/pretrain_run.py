"""`parley pretrain`: from texts to a folder that a recipe can name as its encoder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import torch
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertModel,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers import PreTrainedTokenizerFast as FastTokenizer

from bot.errors import SettingsError
from training.checkpoint import Checkpoint
from training.encoders import find_encoder, load_encoder, load_tokenizer
from training.guesser import save_head
from training.pretrain import Guesser, Learnt, key_of, teach
from training.pretrain_recipe import PretrainRecipe
from training.pretrain_vocabulary import make_vocabulary
from training.step import Step
from training.team import current

ABOUT = "pretrain.json"
UNFINISHED = ".unfinished.safetensors"


def pretrain(
    texts: Sequence[str],
    out: Path,
    recipe: PretrainRecipe,
    *,
    encoder: str | None = None,
    watch: Callable[[Step], None] = lambda step: None,
    report: Callable[[str], None] = lambda line: None,
    every_s: float = 60.0,
) -> Learnt:
    """Write into ``out`` an encoder that learnt from ``texts``.

    Args:
        encoder: Which one goes on learning; without it one is made anew, with a vocabulary of the
            texts' own.
        every_s: How often a run writes down how far it is; beside ``out``, under its name.

    Raises:
        SettingsError: ``out`` holds something else, or the encoder cannot be found.
    """
    check_free(out)
    checkpoint = Checkpoint(
        out.with_name(out.name + UNFINISHED),
        key_of(texts, recipe, encoder or ""),
        every_s=every_s,
        report=report,
    )
    rate = recipe.rate if encoder else recipe.new_rate
    if encoder:
        model = load_encoder(encoder, recipe.max_tokens)
        tokenizer = AutoTokenizer.from_pretrained(find_encoder(encoder))
        tokenizer_json = load_tokenizer(encoder, recipe.max_tokens)
    else:
        tokenizer = new_tokenizer(texts, recipe)
        tokenizer_json = tokenizer.backend_tokenizer.to_str()
        model = new_encoder(len(tokenizer), recipe)
        report(
            f"a new encoder of {sum(p.numel() for p in model.parameters()) / 1e6:.1f} million "
            f"parameters, {len(tokenizer)} pieces"
        )
    guesser, learnt = teach(
        model, tokenizer_json, texts, recipe,
        rate=rate, watch=watch, report=report, checkpoint=checkpoint,
    )  # fmt: skip
    if current().leads:
        facts = {"encoder": encoder or "", "recipe": recipe, "texts": len(texts), "learnt": learnt}
        save(model, tokenizer, out, msgspec.json.encode(facts), guesser)
        checkpoint.remove()
    return learnt


def check_free(out: Path) -> None:
    """Raise SettingsError where writing to ``out`` would spoil something else."""
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / ABOUT).is_file()):
        raise SettingsError(
            f"{out} is there already, and not from `parley pretrain`. Name a new folder with --out."
        )


def new_tokenizer(texts: Sequence[str], recipe: PretrainRecipe) -> FastTokenizer:
    """A tokenizer of the words of ``texts``."""
    return FastTokenizer(  # type: ignore[no-untyped-call]
        tokenizer_object=make_vocabulary(texts, recipe.vocabulary),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=recipe.max_tokens,
    )


def new_encoder(vocabulary: int, recipe: PretrainRecipe) -> PreTrainedModel:
    """A BERT that knows nothing yet."""
    if recipe.hidden % recipe.heads:
        raise SettingsError(
            f"hidden is {recipe.hidden}, which {recipe.heads} heads cannot share evenly."
        )
    torch.manual_seed(recipe.seed)
    return BertModel(
        BertConfig(
            vocab_size=vocabulary,
            hidden_size=recipe.hidden,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            intermediate_size=4 * recipe.hidden,
            max_position_embeddings=recipe.max_tokens,
        )
    )


def save(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    out: Path,
    about: bytes,
    guesser: Guesser | None = None,
) -> None:
    """Write the folder whole; what was there before is replaced at the end."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        draft = Path(scratch) / "encoder"
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        (draft / ABOUT).write_bytes(msgspec.json.format(about, indent=1))
        if guesser:
            save_head(guesser, draft)
        if out.exists():
            out.rename(Path(scratch) / "before")
        shutil.move(draft, out)
