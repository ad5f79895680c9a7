"""The numbers of the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from training.recipe import Count, Numbers, Share, converted, read_toml

DEFAULT = Path(__file__).parent.parent / "recipes" / "gate.toml"
FILE = "gate.toml"  # in a project: what differs

Error = Annotated[float, Meta(gt=0, lt=0.5)]


class GateRecipe(Numbers, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``recipes/gate.toml`` says what each number does and why."""

    pass_error: Error
    fail_error: Error
    margin: Share
    margin_items: Annotated[float, Meta(ge=0)]
    most_margin: Share
    least_items: Count
    draws: Annotated[int, Meta(ge=200)]

    flips: Share
    intent_items: Count
    entity_margin: Share
    outside_margin: Share
    calibration_margin: Share
    corrections: Share
    slower: Annotated[float, Meta(ge=1)]
    larger: Annotated[float, Meta(ge=1)]
    seeds: Count
    split: Literal["conversation", "time"]

    def margin_of(self, items: int) -> float:
        """By how much a candidate may be worse, as a share, where there are so many sentences."""
        if not items:
            return self.most_margin
        return max(self.margin, min(self.margin_items / items, self.most_margin))


def load_gate_recipe(path: Path | None = None) -> GateRecipe:
    """The recipe in ``path``; what it leaves out comes from ``recipes/gate.toml``."""
    values = read_toml(DEFAULT)
    if path is not None:
        values |= read_toml(path)
    return converted(values, GateRecipe, path or DEFAULT)
