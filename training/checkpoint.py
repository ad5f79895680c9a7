"""How far a run is, in one file: weights, the optimizer's memory, where randomness stands.

Tensors as safetensors, the rest as JSON in its metadata: reading one runs no code.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where in its data a run is.

    ``rng`` is Python's generator as it was when the epoch began: drawing its batches again and
    passing over ``batches`` of them leads back here.
    """

    epoch: int = 0
    batches: int = 0
    rng: Any = None


@dataclass(frozen=True, slots=True)
class Saved:
    """What a checkpoint holds."""

    place: Place
    done: int
    tensors: Mapping[str, torch.Tensor]

    def fits(self, kept: Mapping[str, nn.Module]) -> bool:
        """Whether it is of such modules: another version of Parley may build them otherwise."""
        wanted = {
            f"{name}/{key}": value.shape
            for name, module in kept.items()
            for key, value in module.state_dict().items()
        }
        found = {name: value.shape for name, value in self.tensors.items()}
        return wanted.items() <= found.items()

    def restore(self, kept: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> None:
        """Give ``kept`` and ``optimizer`` what they had."""
        for name, module in kept.items():
            state = module.state_dict()
            with torch.no_grad():
                for key, value in state.items():
                    value.copy_(self.tensors[f"{name}/{key}"])
        held = optimizer.state_dict()
        held["state"] = {}
        for name, value in self.tensors.items():
            if name.startswith("optimizer/"):
                _, index, key = name.split("/")
                held["state"].setdefault(int(index), {})[key] = value
        optimizer.load_state_dict(held)

    def restore_torch(self) -> None:
        """Set torch's generators to where they stood."""
        torch.set_rng_state(self.tensors["rng/cpu"])
        if "rng/cuda" in self.tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(self.tensors["rng/cuda"])


class Checkpoint:
    """The file of one run.

    Args:
        key: What makes the run what it is (texts, recipe, encoder), as a hash: a file of another
            run is passed over.
        every_s: Least time between two writings.
    """

    def __init__(
        self,
        path: Path,
        key: str,
        *,
        every_s: float = EVERY_S,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.path, self._key, self._every_s, self._report = path, key, every_s, report
        self._last = time.monotonic()
        self._others: list[Checkpoint] = []

    def another(self, name: str) -> Checkpoint:
        """The file of a run that is part of the same work; it is removed with this one."""
        path = self.path.with_stem(f"{self.path.stem}-{name}")
        key = f"{self._key} {name}"
        self._others.append(Checkpoint(path, key, every_s=self._every_s, report=self._report))
        return self._others[-1]

    def due(self) -> bool:
        """Whether it is time to write again."""
        return time.monotonic() - self._last >= self._every_s

    def save(
        self,
        place: Place,
        done: int,
        kept: Mapping[str, nn.Module],
        optimizer: torch.optim.Optimizer,
    ) -> None:
        """Write where the run is; whoever reads meanwhile sees the file before or the new one."""
        tensors = {
            f"{name}/{key}": value
            for name, module in kept.items()
            for key, value in module.state_dict().items()
        }
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{index}/{key}": value for key, value in state.items()}
        tensors["rng/cpu"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["rng/cuda"] = torch.cuda.get_rng_state()
        facts = {"key": self._key, "done": done, "epoch": place.epoch, "batches": place.batches}
        metadata = {"run": json.dumps(facts | {"rng": place.rng})}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".draft")
        # Copies, as what shares memory (tied embeddings) cannot be written.
        save_file({k: v.detach().cpu().clone() for k, v in tensors.items()}, draft, metadata)
        draft.replace(self.path)
        self._last = time.monotonic()

    def load(self) -> Saved | None:
        """What was written by a run with the same key, if anything."""
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, "pt") as file:
                facts = json.loads(file.metadata()["run"])
                if facts["key"] != self._key:
                    self._report(f"{self.path} is of another run; training begins anew.")
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                version, numbers, spare = facts["rng"]
        except (SafetensorError, ValueError, KeyError, TypeError, OSError) as error:
            self._report(f"{self.path} cannot be read ({error}); training begins anew.")
            return None
        place = Place(facts["epoch"], facts["batches"], (version, tuple(numbers), spare))
        return Saved(place, facts["done"], tensors)

    def remove(self) -> None:
        """The run is over, and those of ``another`` with it."""
        self.path.unlink(missing_ok=True)
        for each in self._others:
            each.remove()
