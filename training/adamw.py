"""AdamW in torch's one pass over the weights, without torch.optim, whose first optimizer imports a
compiler for a second.

Loshchilov and Hutter 2019, arXiv 1711.05101.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

EPSILON = 1e-8
PARTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters with a learning rate of their own."""

    parameters: Sequence[nn.Parameter]
    rate: float


class AdamW:
    """Moves the parameters of ``groups`` against their gradients; one without stays as it is.

    Args:
        betas: How much is kept of the averages of gradients and of their squares, each step.
        weight_decay: Share of a rate by which weights shrink at each step; 0 makes it Adam.
    """

    def __init__(
        self, groups: Sequence[Group], *, betas: tuple[float, float], weight_decay: float = 0.0
    ) -> None:
        self._groups, self._betas, self._weight_decay = groups, betas, weight_decay
        self._parameters = [each for group in groups for each in group.parameters]
        self._state: dict[nn.Parameter, tuple[torch.Tensor, ...]] = {}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for each in self._parameters:
            each.grad = None

    @torch.no_grad()
    def step(self, share: float = 1.0) -> None:
        """Take one step, at ``share`` of each group's rate."""
        for group in self._groups:
            learning = {each: each.grad for each in group.parameters if each.grad is not None}
            if not learning:
                continue
            state = [self._of(each) for each in learning]
            counts, firsts, seconds = (list(part) for part in zip(*state, strict=True))
            torch._foreach_add_(counts, 1)
            torch._fused_adamw_(
                list[torch.Tensor](learning),
                list(learning.values()),
                firsts,
                seconds,
                [],
                counts,
                lr=group.rate * share,
                beta1=self._betas[0],
                beta2=self._betas[1],
                weight_decay=self._weight_decay,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )

    def state(self) -> dict[str, torch.Tensor]:
        """What it remembers, as ``<number of the parameter>/<what>``."""
        return {
            f"{number}/{part}": value
            for number, each in enumerate(self._parameters)
            if each in self._state
            for part, value in zip(PARTS, self._state[each], strict=True)
        }

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Remember what ``state`` gave, and nothing else."""
        self._state = {}
        for number, each in enumerate(self._parameters):
            if f"{number}/{PARTS[0]}" in state:
                values = (state[f"{number}/{part}"] for part in PARTS)
                self._state[each] = tuple(value.clone().to(each.device) for value in values)

    def _of(self, parameter: nn.Parameter) -> tuple[torch.Tensor, ...]:
        """Its ``PARTS``: steps taken, and the averages."""
        if parameter not in self._state:
            count = torch.zeros((), device=parameter.device)
            averages = torch.zeros_like(parameter), torch.zeros_like(parameter)
            self._state[parameter] = (count, *averages)
        return self._state[parameter]
