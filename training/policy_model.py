"""A small transformer over the states of a conversation."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

EPSILON = 1e-5  # of the normalisations


class PolicyNet(nn.Module):
    """What comes next: the latest state looks back on all of them.

    Columns become a vector for each state, to which its place, counted from the latest, is added.
    One layer of attention, in which only the latest state asks, and one of feed-forward follow;
    two heads read the result.
    """

    def __init__(
        self,
        columns: int,
        actions: int,
        intents: int,
        max_history: int,
        *,
        width: int,
        heads: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.state = nn.Linear(columns, width)
        self.places = nn.Parameter(0.02 * torch.randn(max_history, width))
        self.before = nn.LayerNorm(width, eps=EPSILON)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.mixed = nn.Linear(width, width)
        self.between = nn.LayerNorm(width, eps=EPSILON)
        self.wide = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        self.after = nn.LayerNorm(width, eps=EPSILON)
        self.action_head = nn.Linear(width, actions)
        self.intent_head = nn.Linear(width, intents)
        self.dropout = nn.Dropout(dropout)
        for head in (self.action_head, self.intent_head):  # untrained, all is as likely
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(
        self, states: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the actions and the intents after ``states`` (B, T, columns), the latest last.

        ``mask`` (B, T) is true where there is a state.
        """
        x = self.dropout(gelu(self.state(states))) + self.places[-states.shape[1] :]
        normed = self.before(x)  # (B, T, W)
        query = self._split(self.query(normed[:, -1:]))  # (B, heads, 1, W / heads)
        key, value = self._split(self.key(normed)), self._split(self.value(normed))
        seen = scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None])
        y = x[:, -1] + self.dropout(self.mixed(seen.transpose(1, 2).flatten(1)))  # (B, W)
        y = y + self.dropout(self.narrow(gelu(self.wide(self.between(y)))))
        y = self.after(y)
        return self.action_head(y), self.intent_head(y)

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)
