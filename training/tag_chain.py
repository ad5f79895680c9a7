"""The loss of a linear-chain CRF over the tags of a text's words (Lafferty et al. 2001)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from nlu.chain import NEVER, illegal


class TagChain(nn.Module):
    """Learns what a word's tag says of the next word's; ``nlu.chain`` decodes with it."""

    never_first: torch.Tensor
    never_after: torch.Tensor

    def __init__(self, tags: int) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.zeros(tags))
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        first, following = illegal(tags)
        self.register_buffer("never_first", NEVER * torch.tensor(first), persistent=False)
        self.register_buffer("never_after", NEVER * torch.tensor(following), persistent=False)

    def forward(self, emissions: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
        """The mean over all words of the negative log-likelihood of their texts' tags.

        Args:
            emissions: (B, T, tags), float32.
            tags: (B, T); a position that is no word's first has less than 0.
        """
        is_word = tags >= 0
        words = max(int(is_word.sum(1).max()), 1)
        places = (~is_word).long().argsort(dim=1, stable=True)[:, :words]  # (B, W), words first
        is_word = is_word.gather(1, places)
        tags = tags.gather(1, places).clamp(min=0)
        emissions = emissions.gather(1, places[..., None].expand(-1, -1, emissions.shape[-1]))
        apart = self._all(emissions, is_word) - self._of(emissions, tags, is_word)  # (B,)
        return torch.where(is_word[:, 0], apart, 0.0).sum() / is_word.sum().clamp(min=1)

    def scores(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """What was learnt of the first word's tag, and of each after each."""
        start, transitions = (
            part.detach().float().cpu().numpy() for part in (self.start, self.transitions)
        )
        return start, transitions

    def _of(
        self, emissions: torch.Tensor, tags: torch.Tensor, is_word: torch.Tensor
    ) -> torch.Tensor:
        """The score of ``tags``, (B,)."""
        said = emissions.gather(2, tags[..., None])[..., 0]
        steps = (self.transitions + self.never_after)[tags[:, :-1], tags[:, 1:]]
        first = (self.start + self.never_first)[tags[:, 0]]
        return first + (said * is_word).sum(1) + (steps * is_word[:, 1:]).sum(1)

    def _all(self, emissions: torch.Tensor, is_word: torch.Tensor) -> torch.Tensor:
        """The logarithm of the summed powers of all tags' scores, (B,)."""
        transitions = self.transitions + self.never_after
        reached = self.start + self.never_first + emissions[:, 0]  # (B, tags)
        for word in range(1, emissions.shape[1]):
            following = torch.logsumexp(reached[:, :, None] + transitions, dim=1)
            following = following + emissions[:, word]
            reached = torch.where(is_word[:, word, None], following, reached)
        return torch.logsumexp(reached, dim=1)
