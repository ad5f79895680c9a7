"""How long a run is."""

from __future__ import annotations

from training.recipe import Recipe

FEWEST = 2  # epochs, however many examples


def epochs_of(examples: int, recipe: Recipe) -> int:
    """The recipe's epochs, or as many as ``most_read`` leaves a set of so many examples."""
    if not recipe.most_read:
        return recipe.epochs
    return min(recipe.epochs, max(FEWEST, round(recipe.most_read / examples)))
