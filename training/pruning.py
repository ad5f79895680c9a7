"""A smaller encoder out of a larger one: whole layers, heads and columns are taken out.

What is left is dense, so that the graph is smaller and quicker on any processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from bot.errors import SettingsError


def keep_layers(encoder: PreTrainedModel, count: int) -> None:
    """Leave the lower ``count`` layers of ``encoder``; raises SettingsError where it has fewer."""
    stack = layers_of(encoder)
    if count > len(stack):
        raise SettingsError(f"layers is {count}; the encoder has {len(stack)}.")
    del stack[count:]
    encoder.config.num_hidden_layers = count


def layers_of(encoder: PreTrainedModel) -> nn.ModuleList:
    """The encoder's layers, from below."""
    stacks = [module for module in encoder.modules() if isinstance(module, nn.ModuleList)]
    return max(stacks, key=len, default=nn.ModuleList())


def keep_parts(
    encoder: PreTrainedModel,
    losses: Callable[[], Iterator[torch.Tensor]],
    *,
    heads: int,
    columns: int,
) -> None:
    """Leave in each layer of a BERT the ``heads`` and feed-forward ``columns`` that matter most.

    Args:
        losses: Of a few batches, each computed when asked for.
        heads: 0 keeps all; so does 0 of ``columns``.

    What matters is what the loss would change by if it were not there, to the first order, for each
    sentence by itself (Michel and others 2019, Are sixteen heads really better than one?, arXiv
    1905.10650). Each layer keeps as many, so that none is left without.

    Raises:
        SettingsError: The encoder is no BERT, or has fewer of them.
    """
    if encoder.config.model_type != "bert":
        kind = encoder.config.model_type
        raise SettingsError(f"heads and columns are taken out of a BERT; the encoder is a {kind}.")
    config, layers = encoder.config, layers_of(encoder)
    for name, wanted, there in (
        ("heads", heads, config.num_attention_heads),
        ("columns", columns, config.intermediate_size),
    ):
        if wanted > there:
            raise SettingsError(f"{name} is {wanted}; a layer of the encoder has {there}.")
    width = config.hidden_size // config.num_attention_heads
    with _watched(encoder, layers, width) as matter:
        for loss in losses():
            loss.backward()  # type: ignore[no-untyped-call]
    encoder.zero_grad(set_to_none=True)
    for layer, (mixed, wide) in zip(layers, matter, strict=True):
        if heads:
            best = _best(mixed, heads)
            _keep_heads(layer, (best[:, None] * width + torch.arange(width)).flatten())
        if columns:
            _keep_columns(layer, _best(wide, columns))


def _best(matter: torch.Tensor, count: int) -> torch.Tensor:
    return matter.topk(count).indices.sort().values.cpu()


@contextmanager
def _watched(
    encoder: PreTrainedModel, layers: nn.ModuleList, width: int
) -> Iterator[list[tuple[torch.Tensor, torch.Tensor]]]:
    """Within the block, how much the heads (heads,) and columns (columns,) of each layer matter,
    summed over the sentences; a head is ``width`` wide."""
    matter: list[tuple[torch.Tensor, torch.Tensor]] = []
    hooks: list[RemovableHandle] = []
    layer: Any
    for layer in layers:
        both: list[torch.Tensor] = []
        for dense, size in ((layer.attention.output.dense, width), (layer.output.dense, 1)):
            summed = torch.zeros(dense.in_features // size, device=dense.weight.device)
            hooks.append(dense.register_forward_pre_hook(_add_up(summed)))
            both.append(summed)
        matter.append((both[0], both[1]))
    # With frozen embeddings nothing below the first layer that learns would have a gradient.
    embeddings: Any = encoder.embeddings
    hooks.append(embeddings.register_forward_hook(lambda *given: given[2].requires_grad_()))
    try:
        yield matter
    finally:
        for hook in hooks:
            hook.remove()


def _add_up(summed: torch.Tensor) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
    def hook(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        values = inputs[0]  # (B, T, features)

        def add(gradient: torch.Tensor) -> None:
            each = (values.detach() * gradient).float().sum(1)  # (B, features)
            summed.add_(each.view(len(each), len(summed), -1).sum(2).abs().sum(0))

        values.register_hook(add)  # type: ignore[no-untyped-call]

    return hook


def _keep_heads(layer: Any, kept: torch.Tensor) -> None:
    attention = layer.attention
    for name in ("query", "key", "value"):
        setattr(attention.self, name, _rows(getattr(attention.self, name), kept))
    attention.output.dense = _inputs(attention.output.dense, kept)


def _keep_columns(layer: Any, kept: torch.Tensor) -> None:
    layer.intermediate.dense = _rows(layer.intermediate.dense, kept)
    layer.output.dense = _inputs(layer.output.dense, kept)


def _rows(linear: nn.Linear, kept: torch.Tensor) -> nn.Linear:
    """``linear``, of whose outputs those ``kept`` are left."""
    return _like(linear, linear.weight[kept], linear.bias[kept])


def _inputs(linear: nn.Linear, kept: torch.Tensor) -> nn.Linear:
    """``linear``, of whose inputs those ``kept`` are left."""
    return _like(linear, linear.weight[:, kept], linear.bias)


def _like(linear: nn.Linear, weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device)
    made.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
    return made.requires_grad_(linear.weight.requires_grad)
