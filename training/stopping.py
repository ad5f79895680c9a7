"""Early stopping: the weights of the epoch that did best on sentences it did not learn."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


class EarlyStop(nn.Module):
    """Remembers the best epoch so far. A module, so that a checkpoint holds it too.

    Args:
        patience: Epochs without an improvement after which there is no more to wait for.
    """

    loss: torch.Tensor
    epoch: torch.Tensor
    waited: torch.Tensor

    def __init__(self, model: nn.Module, patience: int) -> None:
        super().__init__()
        self.best = deepcopy(model)
        self.patience = patience
        self.register_buffer("loss", torch.tensor(float("inf")))
        self.register_buffer("epoch", torch.tensor(0))
        self.register_buffer("waited", torch.tensor(0))

    def after(self, epoch: int, model: nn.Module, loss: float) -> bool:
        """Whether to stop after ``epoch``, of which ``model`` came with that loss."""
        if loss < float(self.loss):
            self.best.load_state_dict(model.state_dict())
            self.loss.fill_(loss)
            self.epoch.fill_(epoch)
            self.waited.zero_()
        else:
            self.waited += 1
        return int(self.waited) >= self.patience

    def restore(self, model: nn.Module) -> int:
        """Give ``model`` the best weights; the number of their epoch."""
        model.load_state_dict(self.best.state_dict())
        return int(self.epoch)
