"""From a project's FAQ folders to an index in its registry: train if asked, embed, publish."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from bot.version import VERSION
from nlu.folder import MANIFEST, file_hashes
from nlu.ranking.encoder import TOKENIZER, TextEncoder, open_encoder
from nlu.ranking.entry import FaqEntry
from nlu.ranking.faq import index_vectors
from nlu.ranking.faq_bundle import ENTRIES, KIND, VECTORS, FaqManifest, save_vectors
from nlu.registry import Registry, new_version
from nlu.tokenizer import Tokenizer
from training.faq_pairs import faq_pairs
from training.model import JointModel
from training.ranker_model import open_model, write_encoder
from training.ranker_recipe import RankerRecipe
from training.ranker_train import Pairs, fit_pairs
from training.step import Step

Report = Callable[[str], None]

MEASURED = 300  # so many texts, or all, give the int8 graph its scales


def build_faq(
    entries: Sequence[FaqEntry],
    recipe: RankerRecipe,
    registry: Registry,
    *,
    data_hash: str,
    train: bool = False,
    watch: Callable[[Step], None] = lambda step: None,
    report: Report = lambda line: None,
) -> FaqManifest:
    """Index ``entries`` and publish them as the current FAQ of ``registry``.

    Args:
        train: Fit the encoder to the entries first.
        report: Told what is going on, a line at a time.
    """
    started = time.monotonic()
    with registry.draft() as draft:
        encoder = write_faq_encoder(entries, recipe, draft, train=train, watch=watch, report=report)
        report(f"reading {len(entries)} questions and their answers")
        if cut := _longer(entries, recipe, draft):
            report(
                f"{cut} of the answers are longer than max_tokens, {recipe.max_tokens}: what is "
                "behind that is said, and not searched"
            )
        save_vectors(index_vectors(entries, encoder), draft / VECTORS)
        (draft / ENTRIES).write_bytes(msgspec.json.encode(list(entries)))
        (draft / "recipe.toml").write_text(recipe.toml(), "utf-8")
        manifest = _manifest(
            draft, recipe, entries, data_hash=data_hash, trained=train, started=started
        )
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        (draft / MANIFEST).write_bytes(content)
        registry.publish(draft, manifest.version)
    return manifest


def write_faq_encoder(
    entries: Sequence[FaqEntry],
    recipe: RankerRecipe,
    folder: Path,
    *,
    train: bool,
    watch: Callable[[Step], None] = lambda step: None,
    report: Report = lambda line: None,
) -> TextEncoder:
    """The recipe's encoder as a graph in ``folder``, fitted to ``entries`` if ``train``."""
    model, tokenizer_json = open_model(recipe.encoder, recipe.max_tokens, speakers=False)
    questions = [question for entry in entries for question in entry.questions]
    texts = [*questions, *(entry.answer for entry in entries)]
    some = random.Random(recipe.seed).sample(texts, min(len(texts), MEASURED))
    if train:
        pairs = _pairs(entries, model, tokenizer_json, recipe, some)
        report(f"training on {len(pairs.lefts)} pairs of {len(entries)} entries")
        tokenizer = Tokenizer(tokenizer_json.encode(), max_tokens=recipe.max_tokens)
        fit_pairs(model, tokenizer, pairs, recipe, watch=watch, report=report)
    write_encoder(model, tokenizer_json, folder, max_tokens=recipe.max_tokens, texts=some)
    return open_encoder(folder, max_tokens=recipe.max_tokens)


def _longer(entries: Sequence[FaqEntry], recipe: RankerRecipe, folder: Path) -> int:
    """How many entries have more pieces than are read."""
    content = (folder / TOKENIZER).read_bytes()
    tokenizer = Tokenizer(content, max_tokens=2 * recipe.max_tokens)
    joined = (f"{entry.questions[0]} {entry.answer}" for entry in entries)
    return sum(len(tokenizer.encode(text).ids) > recipe.max_tokens for text in joined)


def _pairs(
    entries: Sequence[FaqEntry],
    model: JointModel,
    tokenizer_json: str,
    recipe: RankerRecipe,
    texts: Sequence[str],
) -> Pairs:
    """What the encoder learns from, and what it makes of the answers before."""
    lefts, rights, numbers = faq_pairs(entries)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_encoder(model, tokenizer_json, folder, max_tokens=recipe.max_tokens, texts=texts)
        before = open_encoder(folder, max_tokens=recipe.max_tokens)
        meanings = before.sentences([entry.answer for entry in entries])
    return Pairs(lefts, rights, np.asarray(meanings[numbers]), numbers)


def _manifest(
    draft: Path,
    recipe: RankerRecipe,
    entries: Sequence[FaqEntry],
    *,
    data_hash: str,
    trained: bool,
    started: float,
) -> FaqManifest:
    now = datetime.now(UTC)
    return FaqManifest(
        version=new_version(now, recipe.hash, data_hash),
        created=now.isoformat(timespec="seconds"),
        entries=len(entries),
        encoder=recipe.encoder,
        max_tokens=recipe.max_tokens,
        trained=trained,
        data_hash=data_hash,
        recipe_hash=recipe.hash,
        seed=recipe.seed,
        files=file_hashes(draft),
        parley=VERSION,
        kind=KIND,
        scores={"seconds": round(time.monotonic() - started, 1)},
    )
