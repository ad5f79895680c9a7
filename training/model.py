"""One encoder, two heads: an intent for the text, a tag for each word."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import nn
from torch.nn.functional import normalize
from transformers import PreTrainedModel

from training.pruning import layers_of
from training.tag_chain import TagChain


class Outputs(NamedTuple):
    """What the model says; named and shaped as the manifest promises."""

    intent_logits: torch.Tensor  # (B, intents)
    tag_logits: torch.Tensor  # (B, T, tags)
    sentence: torch.Tensor  # (B, H), length 1


class JointModel(nn.Module):
    """Intent and tags from one reading of the text.

    With ``context`` it also reads what stands behind the text, its tokens of type 1, and still
    judges the text alone. With ``chain`` the tags are learnt as a chain: what one says of the next.
    With ``sentiments`` a third head reads the sentence, and is served beside the graph
    (``nlu.sentiment``). The lower ``frozen`` share of the encoder's layers, and its embeddings with
    them, stay as they are and drop nothing: what few examples would teach them is noise.
    """

    def __init__(
        self,
        encoder: PreTrainedModel,
        intents: int,
        tags: int,
        *,
        dropout: float = 0.0,
        context: bool = False,
        chain: bool = False,
        frozen: float = 0.0,
        sentiments: int = 0,
    ) -> None:
        super().__init__()
        hidden = encoder.config.hidden_size
        self.context = context
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.intent_head = nn.Linear(hidden, intents)
        self.tag_head = nn.Linear(hidden, tags)
        self.chain = TagChain(tags) if chain else None
        self.sentiment_head = nn.Linear(hidden, sentiments) if sentiments else None
        self._learning = upper_layers(encoder, frozen)
        if self._learning:
            encoder.requires_grad_(False)
        for layer in self._learning:
            layer.requires_grad_(True)

    def train(self, mode: bool = True) -> Self:
        """See ``nn.Module.train``; frozen layers are read as they will be served."""
        super().train(mode)
        if self._learning:
            self.encoder.eval()  # type: ignore[no-untyped-call]
        for layer in self._learning:
            layer.train(mode)
        return self

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> Outputs:
        hidden = self.read(input_ids, attention_mask, token_type_ids)  # (B, T, H)
        own = attention_mask if token_type_ids is None else attention_mask * (1 - token_type_ids)
        sentence = pooled(hidden, own)  # (B, H)
        return Outputs(
            self.intent_head(self.dropout(sentence)),
            self.tag_head(self.dropout(hidden)),
            sentence,
        )

    def read(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The encoder's last layer, (B, T, H)."""
        given = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None and tells_types(self.encoder):
            given["token_type_ids"] = token_type_ids
        read = self.encoder(**given)
        hidden: torch.Tensor = read.last_hidden_state
        return hidden


def upper_layers(encoder: PreTrainedModel, frozen: float) -> tuple[nn.Module, ...]:
    """The layers above the lower ``frozen`` share; none where that share is less than a layer."""
    layers = layers_of(encoder)
    below = int(len(layers) * frozen + 1e-6)  # a third of six is two
    return tuple(layers)[below:] if below else ()


def tells_types(encoder: PreTrainedModel) -> bool:
    """Whether ``encoder`` was made to tell two texts apart by their type."""
    return getattr(encoder.config, "type_vocab_size", 0) > 1


def pooled(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean over the tokens, scaled to length 1: (B, T, H) to (B, H)."""
    hidden = hidden.float()  # bfloat16 would lose small sums
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)
