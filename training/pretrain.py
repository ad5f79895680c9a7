"""An encoder that learns from bare texts: words are hidden, and it guesses them.

Masked-language modelling with whole words (Devlin and others, 2019), without next sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from bot.errors import SettingsError
from nlu.tokenizer import Tokenizer
from training.checkpoint import Checkpoint
from training.dataset import IGNORED
from training.loop import Group, Loop, half_precision, pick_device
from training.masking import Masked, Row, Vocabulary, batches, rows_of
from training.pretrain_recipe import PretrainRecipe
from training.step import Step
from training.team import current

MOST_KEPT_BACK = 500
MASKS = ("[MASK]", "<mask>")


class Guessed(NamedTuple):
    """How an encoder guesses hidden words of texts it did not learn from."""

    texts: int
    loss: float  # mean negative log-likelihood; e to its power is the perplexity
    right: float  # share of the hidden tokens


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a run reached. Before and after are of the same texts, hidden alike."""

    rows: int
    before: Guessed | None
    after: Guessed | None


class Guesser(nn.Module):
    """An encoder and a head that names hidden tokens by the encoder's own embeddings."""

    def __init__(self, encoder: PreTrainedModel) -> None:
        super().__init__()
        self.encoder = encoder
        size, width = self._embeddings().weight.shape
        self.dense = nn.Linear(encoder.config.hidden_size, width)
        self.norm = nn.LayerNorm(width)
        self.bias = nn.Parameter(torch.zeros(size))
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)

    def read(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The encoder's last layer, (B, T, H)."""
        hidden: torch.Tensor = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return hidden

    def guess(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits of the vocabulary for each of (tokens, H)."""
        said = self.norm(nn.functional.gelu(self.dense(hidden)))
        weight = self._embeddings().weight
        return nn.functional.linear(said, weight, self.bias)

    def _embeddings(self) -> nn.Embedding:
        found = self.encoder.get_input_embeddings()
        assert isinstance(found, nn.Embedding)
        return found

    def head(self) -> list[nn.Parameter]:
        """What is not of the encoder."""
        return [*self.dense.parameters(), *self.norm.parameters(), self.bias]


def teach(
    encoder: PreTrainedModel,
    tokenizer_json: str,
    texts: Sequence[str],
    recipe: PretrainRecipe,
    *,
    rate: float | None = None,
    watch: Callable[[Step], None] = lambda step: None,
    report: Callable[[str], None] = lambda line: None,
    checkpoint: Checkpoint | None = None,
) -> tuple[Guesser, Learnt]:
    """Teach ``encoder`` ``texts``; it is changed in place and left on the CPU, with the head that
    was taught beside it.

    Args:
        rate: Takes the place of the recipe's.

    Raises:
        SettingsError: The vocabulary has no token for what is hidden.
        TrainingError: The loss is no number any more, or the memory is too small.
    """
    torch.manual_seed(recipe.seed)
    tokenizer = Tokenizer(tokenizer_json.encode(), max_tokens=recipe.max_tokens)
    vocabulary = vocabulary_of(tokenizer_json, tokenizer)
    kept = min(int(len(texts) * recipe.kept_back), MOST_KEPT_BACK)
    order = torch.randperm(len(texts)).tolist()  # of a folder the last texts are of one kind
    back, rest = ([texts[i] for i in sorted(part)] for part in (order[:kept], order[kept:]))
    rows = rows_of(rest, tokenizer, vocabulary)
    judged = rows_of(back, tokenizer, vocabulary)
    report(f"{len(rest)} texts, {sum(len(row.ids) for row in rows)} tokens; {kept} kept back")

    device = pick_device()
    model = Guesser(encoder).to(device)
    if recipe.compile:
        model.encoder.compile(mode=recipe.compile, dynamic=True)
    before = guessed(model, judged, vocabulary, recipe)
    per_epoch = -(-len(rows) // recipe.batch_size)
    loop = Loop(
        model,
        [Group(list(encoder.parameters()), rate or recipe.rate), Group(model.head(), 1e-3)],
        recipe,
        total=recipe.epochs * per_epoch,
        watch=watch,
        report=report,
        accumulate=recipe.accumulate,
        team=current(),
        checkpoint=checkpoint,
        within=True,
    )
    model.train()
    for epoch in loop.epochs(recipe.epochs):
        drawn = batches(
            rows,
            recipe.batch_size,
            seed=recipe.seed,
            epoch=epoch,
            vocabulary=vocabulary,
            share=recipe.masked,
        )
        for batch in loop.left(drawn):
            loop.step(batch, lambda part: loss_of(model, part))
    after = guessed(model, judged, vocabulary, recipe)
    model.eval().cpu()
    return model, Learnt(len(rows), before, after)


def loss_of(model: Guesser, batch: Masked) -> torch.Tensor:
    """How badly hidden tokens are guessed."""
    with half_precision(batch.ids.device):
        asked = batch.labels != IGNORED
        logits = model.guess(model.read(batch.ids, batch.mask)[asked])
    return cross_entropy(logits.float(), batch.labels[asked])


@torch.no_grad()
def guessed(
    model: Guesser, rows: Sequence[Row], vocabulary: Vocabulary, recipe: PretrainRecipe
) -> Guessed | None:
    """How ``model`` guesses in ``rows``, always the same words; None where there are none."""
    if not rows:
        return None
    model.eval()
    device = model.bias.device
    loss, right, count = 0.0, 0, 0
    drawn = batches(rows, 32, seed=recipe.seed, epoch=0, vocabulary=vocabulary, share=recipe.masked)
    for batch in drawn:
        asked = batch.labels != IGNORED
        labels = batch.labels[asked].to(device)
        with half_precision(device):
            hidden = model.read(batch.ids.to(device), batch.mask.to(device))
            logits = model.guess(hidden[asked.to(device)]).float()
        loss += cross_entropy(logits, labels, reduction="sum").item()
        right += int((logits.argmax(-1) == labels).sum())
        count += len(labels)
    return Guessed(len(rows), loss / count, right / count)


def vocabulary_of(tokenizer_json: str, tokenizer: Tokenizer) -> Vocabulary:
    """What masking has to know of a tokenizer. Raises SettingsError where it cannot hide."""
    from tokenizers import Tokenizer as Pieces

    pieces = Pieces.from_str(tokenizer_json)
    found = (pieces.token_to_id(name) for name in MASKS)
    mask_id = next((number for number in found if number is not None), None)
    if mask_id is None:
        raise SettingsError(
            f"the encoder's vocabulary has no {' or '.join(MASKS)}, so nothing can be hidden from "
            "it. Encoders like BERT and RoBERTa have one, those that write texts do not."
        )
    special = tuple(n for n, token in pieces.get_added_tokens_decoder().items() if token.special)
    return Vocabulary(mask_id, tokenizer.pad_id, special, pieces.get_vocab_size())


def key_of(texts: Sequence[str], recipe: PretrainRecipe, encoder: str) -> str:
    """What tells one run from another."""
    digest = sha256(f"{recipe.hash} {encoder}".encode())
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()
