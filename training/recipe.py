"""A recipe: every number that makes a model, read from a TOML file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from bot.errors import SettingsError

DEFAULT = Path(__file__).parent / "recipes" / "default.toml"

Share = Annotated[float, Meta(ge=0, le=1)]
Rate = Annotated[float, Meta(gt=0, le=1)]
Count = Annotated[int, Meta(ge=1)]


class Numbers(msgspec.Struct, frozen=True):
    """What every recipe can do, whatever it makes."""

    @property
    def hash(self) -> str:
        """SHA-256 of the values, whatever the file's comments and order."""
        canonical = json.dumps(msgspec.to_builtins(self), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def toml(self) -> str:
        """The values as TOML, to be kept beside the model."""
        values = msgspec.to_builtins(self)
        return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


class Recipe(Numbers, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The numbers of a training run; ``recipes/default.toml`` says what each does and why."""

    encoder: Annotated[str, Meta(min_length=1)]
    layers: Annotated[int, Meta(ge=0)]
    heads: Annotated[int, Meta(ge=0)]
    columns: Annotated[int, Meta(ge=0)]
    seed: Annotated[int, Meta(ge=0)]
    max_tokens: Annotated[int, Meta(ge=8, le=8192)]
    context_tokens: Annotated[int, Meta(ge=0, le=1024)]
    context_turns: Annotated[int, Meta(ge=0, le=8)]
    context_dropout: Share

    epochs: Count
    most_read: Annotated[int, Meta(ge=0)]
    batch_size: Count
    accumulate: Count
    compile: Literal["", "default", "reduce-overhead", "max-autotune"]
    encoder_rate: Rate
    head_rate: Rate
    layer_decay: Rate
    warmup: Share
    decay: Literal["linear", "cosine"]
    patience: Annotated[int, Meta(ge=0)]
    weight_decay: Share
    clip_norm: Annotated[float, Meta(gt=0)]
    dropout: Share
    label_smoothing: Share
    tag_weight: Annotated[float, Meta(ge=0)]
    tag_chain: bool
    sentiment_weight: Annotated[float, Meta(ge=0)]
    intent_scale: Annotated[float, Meta(gt=0)]

    teacher: str
    teacher_weight: Share
    teacher_temperature: Annotated[float, Meta(ge=1, le=100)]
    teacher_rate: Rate

    swap_values: Share
    typos: Share
    substitutions: Share
    guesser: str

    holdout: Annotated[float, Meta(ge=0, le=0.5)]
    small: Annotated[int, Meta(ge=0)]
    small_decay: Rate
    small_frozen: Annotated[float, Meta(ge=0, lt=1)]
    small_steps: Annotated[int, Meta(ge=0)]
    small_holdout: Annotated[float, Meta(ge=0, le=0.5)]
    torchscript: bool
    out_of_scope: Annotated[float, Meta(ge=0, le=0.9)]
    near_duplicate: Annotated[float, Meta(ge=0, le=100)]


Made = TypeVar("Made", bound=Numbers)


def load_recipe(path: Path | None = None, *, seed: int | None = None) -> Recipe:
    """The recipe in ``path``; what it leaves out comes from ``recipes/default.toml``.

    Args:
        seed: Takes the place of the recipe's own.

    Raises:
        SettingsError: The file cannot be read, or holds an unknown name or a wrong value.
    """
    values = read_toml(DEFAULT)
    if path is not None:
        values |= read_toml(path)
    if seed is not None:
        values["seed"] = seed
    return converted(values, Recipe, path or DEFAULT)


def converted(values: Mapping[str, object], kind: type[Made], path: Path) -> Made:
    """``values``, read from ``path``, as a recipe of ``kind``. Raises SettingsError."""
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        known = ", ".join(kind.__struct_fields__)
        raise SettingsError(f"{path}: {error}. A recipe's names: {known}.") from error


def read_toml(path: Path) -> dict[str, object]:
    """The values in ``path``, or SettingsError."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=dict[str, object])
    except OSError as error:
        raise SettingsError(f"{path}: no recipe can be read here ({error.strerror}).") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise SettingsError(f"{path}: not a TOML file: {error}") from error
