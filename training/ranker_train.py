"""Training a ranker: contexts near their own responses, far from others; read from top to bottom.

A batch is contrasted within itself: each context with every response (Henderson and others 2017,
arXiv 1705.00652). Many batches are drawn from conversations about like things, so that the wrong
answers are hard ones; those that say the same as the right one do not count as wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from nlu.session import Float32
from nlu.tokenizer import Tokenizer
from training.loop import Group, Loop, half_precision, pick_device
from training.model import JointModel, pooled
from training.ranker_recipe import RankerRecipe
from training.step import Step

Padded = tuple[torch.Tensor, torch.Tensor]  # ids and mask, (B, T) each


@dataclass(frozen=True, slots=True)
class Pairs:
    """What was asked, or the dialogue so far, and what answered it: a row each.

    ``meanings`` are the vectors of the answers before training, of length 1, (rows, hidden);
    ``conversations`` the number of the conversation a pair comes from.
    """

    lefts: Sequence[str]
    rights: Sequence[str]
    meanings: Float32
    conversations: Sequence[int]


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Pairs as the model reads them."""

    left_ids: torch.Tensor  # (B, T)
    left_mask: torch.Tensor
    right_ids: torch.Tensor  # (B, U)
    right_mask: torch.Tensor
    meanings: torch.Tensor  # (B, H)


def fit_pairs(
    model: JointModel,
    tokenizer: Tokenizer,
    pairs: Pairs,
    recipe: RankerRecipe,
    *,
    watch: Callable[[Step], None] = lambda step: None,
    report: Callable[[str], None] = lambda line: None,
) -> None:
    """Train ``model`` where it is; afterwards it is on the CPU, ready to be read."""
    torch.manual_seed(recipe.seed)
    rng = random.Random(recipe.seed)
    model.to(pick_device())
    lefts = [tokenizer.encode(text).ids for text in pairs.lefts]
    rights = [tokenizer.encode(text).ids for text in pairs.rights]
    per_epoch = min(len(lefts), recipe.most_pairs) // recipe.batch_size or 1
    loop = Loop(
        model,
        [Group(list(model.encoder.parameters()), recipe.encoder_rate)],
        recipe,
        total=recipe.epochs * per_epoch,
        watch=watch,
        report=report,
        rng=rng,
    )
    model.train()
    for _ in loop.epochs(recipe.epochs):
        for rows in groups(pairs, recipe, rng)[:per_epoch]:
            batch = PairBatch(
                *_padded([lefts[row] for row in rows], tokenizer.pad_id),
                *_padded([rights[row] for row in rows], tokenizer.pad_id),
                torch.from_numpy(pairs.meanings[rows]),
            )
            loop.step(batch, lambda part: loss_of(model, part, recipe))
    model.eval().cpu()


def loss_of(model: JointModel, batch: PairBatch, recipe: RankerRecipe) -> torch.Tensor:
    """Cross-entropy of each context over the responses of the batch, and the other way round."""
    with half_precision(batch.left_ids.device):
        lefts = pooled(model.read(batch.left_ids, batch.left_mask), batch.left_mask)
        rights = pooled(model.read(batch.right_ids, batch.right_mask), batch.right_mask)
    scores = lefts.float() @ rights.float().T / recipe.temperature  # (B, B)
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    same = (batch.meanings @ batch.meanings.T > recipe.same_answer) & ~own
    scores = scores.masked_fill(same, -torch.inf)
    right = torch.arange(len(scores), device=scores.device)
    return (cross_entropy(scores, right) + cross_entropy(scores.T, right)) / 2


def groups(pairs: Pairs, recipe: RankerRecipe, rng: random.Random) -> list[list[int]]:
    """Rows for the batches of an epoch, in random order; a share ``alike`` of like conversations.

    Conversations are told apart by the mean of what was answered in them.
    """
    count = len(pairs.lefts)
    shape = (max(pairs.conversations, default=0) + 1, pairs.meanings.shape[1])
    topics = np.zeros(shape, dtype=np.float32)
    np.add.at(topics, list(pairs.conversations), pairs.meanings)
    of_row = topics[list(pairs.conversations)]
    order = list(range(count))
    rng.shuffle(order)
    cut = int(count * recipe.alike)
    alike = list(_halved(order[:cut], of_row, recipe.batch_size, rng))
    rest = order[cut:]
    size = recipe.batch_size
    mixed = [rest[i : i + size] for i in range(0, len(rest), size)]
    found = [group for group in (*alike, *mixed) if len(group) > 1]
    rng.shuffle(found)
    return found


def _halved(
    rows: list[int], vectors: Float32, size: int, rng: random.Random
) -> Iterator[list[int]]:
    """``rows`` in groups of ``size`` near each other: halved again and again by which of two
    random rows they are nearer to."""
    if len(rows) <= size:
        yield rows
        return
    first, second = rng.sample(rows, 2)
    lean = vectors[rows] @ (vectors[first] - vectors[second])
    ordered = [rows[i] for i in np.argsort(lean, kind="stable")]
    middle = -(-len(rows) // (2 * size)) * size
    yield from _halved(ordered[:middle], vectors, size, rng)
    yield from _halved(ordered[middle:], vectors, size, rng)


def _padded(rows: Sequence[Sequence[int]], pad_id: int) -> Padded:
    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), pad_id)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = 1
    return ids, mask
