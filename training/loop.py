"""What every training run does between a batch's loss and the next: devices, precision, steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

import torch
from torch import nn

from training.step import Step


class Numbers(Protocol):
    """What a recipe says about steps."""

    @property
    def warmup(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def clip_norm(self) -> float: ...


class Movable(Protocol):
    """A batch."""

    def to(self, device: torch.device) -> Self: ...


B = TypeVar("B", bound=Movable)


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters with a learning rate of their own."""

    parameters: Sequence[nn.Parameter]
    rate: float


class Loop:
    """Takes a model through ``total`` steps."""

    def __init__(
        self,
        model: nn.Module,
        groups: Iterable[Group],
        numbers: Numbers,
        *,
        total: int,
        watch: Callable[[Step], None] = lambda step: None,
    ) -> None:
        self.model, self.total, self.done = model, total, 0
        self._device = next(model.parameters()).device
        self._numbers, self._watch = numbers, watch
        self._optimizer = torch.optim.AdamW(
            [{"params": list(group.parameters), "lr": group.rate} for group in groups],
            betas=(0.9, 0.98),
            weight_decay=numbers.weight_decay,
            fused=True,
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: ramp(step, total, numbers.warmup)
        )

    def step(self, batch: B, loss_of: Callable[[B], torch.Tensor]) -> None:
        """Learn from ``batch``; ``loss_of`` gives the mean loss of its rows, on the device."""
        loss = loss_of(batch.to(self._device))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._numbers.clip_norm)
        self._optimizer.step()
        self._schedule.step()
        self.done += 1
        self._watch(Step(self.done, self.total, loss.item()))


def ramp(step: int, total: int, warmup: float) -> float:
    """The share of the learning rate at ``step``: up in a line, then down to 0 in a line."""
    rising = max(1, round(total * warmup))
    return min((step + 1) / rising, max(total - step, 0) / max(total - rising, 1), 1.0)


def pick_device() -> torch.device:
    """The GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def half_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where the processor multiplies it faster than float32."""
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast(device.type, torch.bfloat16) if fast else nullcontext()
