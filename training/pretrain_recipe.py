"""The numbers of `parley pretrain`, read from a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from training.recipe import Count, Numbers, Rate, Share, converted, read_toml

DEFAULT = Path(__file__).parent / "recipes" / "pretrain.toml"


class PretrainRecipe(Numbers, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``recipes/pretrain.toml`` says what each number does and why."""

    seed: Annotated[int, Meta(ge=0)]
    max_tokens: Annotated[int, Meta(ge=8, le=8192)]

    epochs: Count
    batch_size: Count
    accumulate: Count
    compile: Literal["", "default", "reduce-overhead", "max-autotune"]
    rate: Rate
    warmup: Share
    weight_decay: Share
    clip_norm: Annotated[float, Meta(gt=0)]
    masked: Annotated[float, Meta(gt=0, lt=1)]
    kept_back: Annotated[float, Meta(ge=0, le=0.5)]

    new_rate: Rate
    vocabulary: Annotated[int, Meta(ge=100)]
    hidden: Annotated[int, Meta(ge=16)]
    layers: Count
    heads: Count


def load_pretrain_recipe(path: Path | None = None, **changes: int | None) -> PretrainRecipe:
    """The recipe in ``path``; what it leaves out comes from ``recipes/pretrain.toml``.

    Args:
        changes: Take the place of what the files say, but for None.

    Raises:
        SettingsError: The file cannot be read, or holds an unknown name or a wrong value.
    """
    values = read_toml(DEFAULT)
    if path is not None:
        values |= read_toml(path)
    values |= {name: value for name, value in changes.items() if value is not None}
    return converted(values, PretrainRecipe, path or DEFAULT)
