"""The recipe of a policy model: its numbers, read from a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from bot.errors import ProjectError
from bot.model.policy import LEARNED
from bot.project.project import Project
from training.recipe import Count, Numbers, Rate, Share, converted, read_toml

DEFAULT = Path(__file__).parent / "recipes" / "policy.toml"


class PolicyRecipe(Numbers, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The numbers of a training run; ``recipes/policy.toml`` says what each does."""

    seed: Annotated[int, Meta(ge=0)]
    max_history: Annotated[int, Meta(ge=1, le=100)]
    epochs: Count
    augmentation: Annotated[int, Meta(ge=0, le=1000)]
    batch_size: Count
    last_batch_size: Count
    fewest_batches: Count
    rate: Rate
    weight_decay: Share
    width: Count
    heads: Count
    dropout: Share
    detour: Share
    forget: Share
    any_intent: Share
    bare: Share
    unknown: Share
    in_loop: Share
    otherwise: Share
    intent_weight: Annotated[float, Meta(ge=0)]
    temperature: Annotated[float, Meta(gt=0, le=10)]
    holdout: Annotated[float, Meta(ge=0, le=0.5)]


def load_policy_recipe(path: Path | None = None, **changes: int | None) -> PolicyRecipe:
    """The recipe in ``path``, with the ``changes`` that are given.

    What it leaves out comes from ``recipes/policy.toml``. Raises SettingsError.
    """
    values = read_toml(DEFAULT)
    if path is not None:
        values |= read_toml(path)
    values |= {name: value for name, value in changes.items() if value is not None}
    return converted(values, PolicyRecipe, path or DEFAULT)


def settings(project: Project) -> Mapping[str, Any]:
    """What config.yml says of the policies that learn; of two TEDPolicy's word counts."""
    said: dict[str, Any] = {}
    for name in reversed(LEARNED):
        for entry in project.config.policies:
            if entry.name.rsplit(".", 1)[-1] == name:
                said |= {key: value for key, value in entry.options.items() if value is not None}
    return said


def adjusted(recipe: PolicyRecipe, project: Project) -> PolicyRecipe:
    """``recipe`` with the `max_history` and `epochs` of config.yml. Raises ProjectError."""
    said = {key: settings(project).get(key) for key in ("max_history", "epochs")}
    values = msgspec.to_builtins(recipe) | {key: said[key] for key in said if said[key] is not None}
    try:
        return msgspec.convert(values, PolicyRecipe)
    except msgspec.ValidationError as error:
        raise ProjectError(f"config.yml: {LEARNED[0]}: {error}.") from error
