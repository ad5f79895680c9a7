"""How long a run is."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from training.dataset import Row
from training.model import JointModel
from training.recipe import Recipe

FEWEST = 2  # epochs, however many examples


def epochs_of(examples: int, recipe: Recipe) -> int:
    """The recipe's epochs; of so many examples more where they make fewer than ``small_steps``
    steps, if the set is small, and no more than ``most_read`` leaves a large one."""
    epochs = recipe.epochs
    if examples <= recipe.small:
        epochs = max(epochs, ceil(recipe.small_steps / ceil(examples / recipe.batch_size)))
    if not recipe.most_read:
        return epochs
    return min(epochs, max(FEWEST, round(recipe.most_read / examples)))


def told_size(model: JointModel, rows: Sequence[Sequence[Row]], recipe: Recipe, steps: int) -> str:
    """How large a run is going to be, for whoever has to wait for it."""
    lengths = [len(row.ids) for windows in rows for row in windows]
    memory = memory_of(model, min(recipe.batch_size, len(lengths)), max(lengths))
    return (
        f"{len(lengths)} sentences of {sum(lengths) / len(lengths):.0f} tokens, "
        f"{steps} steps; about {memory / 1e9:.1f} GB of memory"
    )


def memory_of(model: JointModel, batch: int, tokens: int) -> float:
    """About how many bytes a step takes at most: 16 for each weight (itself, its gradient and
    AdamW's two averages), 4 for a frozen one, and what the layers keep for the way back
    (Korthikanti and others 2022, arXiv 2205.05198, section 4.1), twice as much in float32 as in
    their half precision."""
    config = model.encoder.config
    wide = batch * tokens * config.hidden_size
    squares = 5 * config.num_attention_heads * tokens / config.hidden_size
    layers = 2 * config.num_hidden_layers * wide * (34 + squares)
    weights = sum(
        value.numel() * (16 if value.requires_grad else 4) for value in model.parameters()
    )
    return float(weights + layers)
