"""What `torchrun` starts in test_team.py: each rank trains, and writes what it got."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import save_file

import training.train
from bot.project.project import Example
from training.recipe import Recipe
from training.team import team
from training.train import train


def exactly(folder: Path) -> dict[str, torch.Tensor]:
    """Train as the files in ``folder`` say, in float32."""
    # bfloat16 would round otherwise in a batch of another size.
    training.train.half_precision = lambda device: nullcontext()  # type: ignore[assignment]
    torch.set_num_threads(1)
    examples = msgspec.json.decode((folder / "examples.json").read_bytes(), type=list[Example])
    recipe = msgspec.json.decode((folder / "recipe.json").read_bytes(), type=Recipe)
    losses: list[float] = []
    trained = train(examples, recipe, watch=lambda step: losses.append(step.loss))
    found: dict[str, Any] = dict(trained.model.state_dict())
    return found | {"losses": torch.tensor(losses)}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    with team() as member:
        save_file(exactly(place), place / f"{member.rank}-of-{member.size}.safetensors")
