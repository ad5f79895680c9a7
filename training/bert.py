"""BERT in plain torch, as a folder holds it: read in a moment, where transformers takes seconds to
be imported.

Modules, weights and the order of what is computed are those of transformers' BertModel, so that
both learn the same from the same (Devlin and others 2019, arXiv 1810.04805).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    Pretrained: TypeAlias = "Bert | PreTrainedModel"

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
OLD = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


class BertConfig(msgspec.Struct, kw_only=True):
    """What config.json says of the BERT this file knows; of another it cannot be read."""

    model_type: Literal["bert"]
    hidden_act: Literal["gelu"]
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    pad_token_id: int | None = 0
    position_embedding_type: Literal["absolute"] | None = None
    is_decoder: Literal[False] = False
    quantization_config: None = None


class Read(NamedTuple):
    """What a ``Bert`` makes of texts."""

    last_hidden_state: torch.Tensor  # (B, T, H)


class Bert(nn.Module):
    """An encoder without a head."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = Stack(config)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> Read:
        x = self.embeddings(input_ids, token_type_ids)  # (B, T, H)
        seen = attention_mask[:, None, None].bool()  # (B, 1, 1, T)
        for layer in self.encoder.layer:
            x = layer(x, seen)
        return Read(x)

    def get_input_embeddings(self) -> nn.Embedding:
        """The vectors of the vocabulary's pieces."""
        return self.embeddings.word_embeddings


class Embeddings(nn.Module):
    """Pieces, their places and the text they are of, as one vector each."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        hidden = config.hidden_size
        self.word_embeddings = nn.Embedding(
            config.vocab_size, hidden, padding_idx=config.pad_token_id
        )
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, hidden)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, ids: torch.Tensor, types: torch.Tensor | None) -> torch.Tensor:
        places = torch.arange(ids.shape[1], device=ids.device)[None]
        x = self.word_embeddings(ids)
        x = x + self.token_type_embeddings(torch.zeros_like(ids) if types is None else types)
        x = x + self.position_embeddings(places)
        return self.dropout(self.LayerNorm(x))  # type: ignore[no-any-return]


class Stack(nn.Module):
    """The layers, from below."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))


class Layer(nn.Module):
    """Attention, then each word by itself; both are added to what came in."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = nn.ModuleDict(
            {"dense": nn.Linear(config.hidden_size, config.intermediate_size)}
        )
        self.output = Added(config.intermediate_size, config)

    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        x = self.attention.output(self.attention.self(x, seen), x)
        wide = gelu(self.intermediate["dense"](x))
        return self.output(wide, x)  # type: ignore[no-any-return]


class Attention(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.self = Heads(config)
        self.output = Added(config.hidden_size, config)


class Heads(nn.Module):
    """What each word takes from those that it may see."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        hidden = config.hidden_size
        self.width = hidden // config.num_attention_heads
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)
        self.dropout = config.attention_probs_dropout_prob

    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        rows, length = x.shape[:2]
        query, key, value = (
            part(x).view(rows, length, -1, self.width).transpose(1, 2)  # (B, heads, T, width)
            for part in (self.query, self.key, self.value)
        )
        dropout = self.dropout if self.training else 0.0
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=seen, dropout_p=dropout)
        return mixed.transpose(1, 2).flatten(2)


class Added(nn.Module):
    """A linear layer whose output is added to ``before``, and the sum normalised."""

    def __init__(self, width: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        return self.LayerNorm(self.dropout(self.dense(x)) + before)  # type: ignore[no-any-return]


def bert_config(folder: Path) -> BertConfig | None:
    """What ``folder`` says of its encoder; None where that is no BERT that this file knows."""
    try:
        return msgspec.json.decode((folder / CONFIG).read_bytes(), type=BertConfig)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def open_bert(folder: Path) -> Bert | None:
    """The BERT in ``folder`` in float32; None where its config or weights are of another kind."""
    config = bert_config(folder)
    if config is None or config.hidden_size % config.num_attention_heads:
        return None
    with torch.random.fork_rng(devices=()):  # what is drawn here would only change what is learnt
        bert = Bert(config)
    wanted = {name: value.shape for name, value in bert.state_dict().items()}
    try:
        found = {_named(name): value for name, value in load_file(folder / WEIGHTS).items()}
    except (OSError, SafetensorError):
        return None
    if wanted.items() - {name: value.shape for name, value in found.items()}.items():
        return None
    bert.load_state_dict({name: found[name].float() for name in wanted}, assign=True)
    return bert.eval()


def _named(name: str) -> str:
    """A weight's name within the encoder: before it there may be the encoder's own, and the first
    BERTs called the weights of normalisations otherwise."""
    name = name.removeprefix("bert.")
    for old, new in OLD.items():
        name = name.replace(old, new)
    return name
