"""The numbers of a ranker's training run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from msgspec import Meta

from training.recipe import Count, Numbers, Rate, Share, converted, read_toml

DEFAULT = Path(__file__).parent / "recipes" / "ranker.toml"


class RankerRecipe(Numbers, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``recipes/ranker.toml`` says what each number does and why."""

    encoder: Annotated[str, Meta(min_length=1)]
    seed: Annotated[int, Meta(ge=0)]
    max_tokens: Annotated[int, Meta(ge=8, le=8192)]
    most_lines: Count

    epochs: Count
    most_pairs: Count
    batch_size: Annotated[int, Meta(ge=2)]
    encoder_rate: Rate
    warmup: Share
    weight_decay: Share
    clip_norm: Annotated[float, Meta(gt=0)]
    temperature: Rate

    speakers: bool
    alike: Share
    same_answer: Share

    one_class: Share
    most_classes: Count
    precision: Share
    holdout: Annotated[float, Meta(ge=0, le=0.5)]


def load_ranker_recipe(path: Path | None = None) -> RankerRecipe:
    """The recipe in ``path``; what it leaves out comes from ``recipes/ranker.toml``."""
    values = read_toml(DEFAULT)
    if path is not None:
        values |= read_toml(path)
    return converted(values, RankerRecipe, path or DEFAULT)
