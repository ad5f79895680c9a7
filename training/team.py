"""Several processes that train one model, each on a device and a share of every batch.

`torchrun` starts them. Each holds the whole model and adds its gradients to the others' before a
step, so that all take the same step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn

from bot.errors import Unavailable

# For what the leader does alone, such as the gate. `torchrun` ends all at once when one ends badly.
WAIT = timedelta(days=1)


class TeamLost(Unavailable):
    """Another process of the team ended before its time."""

    reason = "TeamLost"


@dataclass(frozen=True, slots=True)
class Team:
    """This process among ``size``."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def share(self, rows: int) -> tuple[Sequence[int], float]:
        """Which of a batch's ``rows`` are this process's, and what share of them all they are."""
        mine = range(self.rank, rows, self.size)
        return mine, len(mine) / rows

    def alike(self, model: nn.Module) -> None:
        """Begin with the leader's weights, and with randomness of one's own."""
        if self.size == 1:
            return
        for value in model.state_dict().values():
            distributed.broadcast(value, 0)
        torch.manual_seed(torch.initial_seed() + self.rank)

    def add_up(self, loss: torch.Tensor, model: nn.Module) -> torch.Tensor:
        """The loss of all, and in ``model`` the gradients of all."""
        if self.size == 1:
            return loss
        wanted = [value for value in model.parameters() if value.requires_grad]
        for value in wanted:
            if value.grad is None:  # a share without rows, or a part that no loss needs
                value.grad = torch.zeros_like(value)
        grads = [value.grad for value in wanted if value.grad is not None]
        whole = torch.cat([loss.reshape(1), *(grad.flatten() for grad in grads)])
        distributed.all_reduce(whole)
        begin = 1
        for grad in grads:
            grad.copy_(whole[begin : begin + grad.numel()].view_as(grad))
            begin += grad.numel()
        return whole[0]

    def hear(self, said: str = "") -> str:
        """What the leader says, by all; it is waited for. Raises TeamLost."""
        if self.size == 1:
            return said
        text = torch.tensor(list(said.encode() if self.leads else b""), dtype=torch.uint8)
        length = torch.tensor([len(text)])
        try:
            distributed.broadcast(length, 0)
            text = text if self.leads else torch.empty(int(length), dtype=torch.uint8)
            distributed.broadcast(text, 0)
        except RuntimeError as error:
            raise TeamLost(
                "Another process of this run ended early, so this one ends too."
            ) from error
        return bytes(text.tolist()).decode()


ALONE = Team()


@contextmanager
def team() -> Iterator[Team]:
    """The processes `torchrun` started, joined; this one alone where it started none."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1 or distributed.is_initialized():
        yield current()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, timeout=WAIT)
    try:
        yield current()
    finally:
        distributed.destroy_process_group()


def current() -> Team:
    """The team this process has joined."""
    if distributed.is_available() and distributed.is_initialized():
        return Team(distributed.get_rank(), distributed.get_world_size())
    return ALONE
