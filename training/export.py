"""torch → ONNX: a float32 graph that answers as torch does, then the same in int8."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from bot.errors import ParleyError
from nlu.session import INPUTS, TYPES
from nlu.tokenizer import Tokens
from training.bert_graph import bert_graph, is_bert
from training.encoders import longest
from training.model import JointModel, Outputs
from training.quantize import quantize

OPSET = 18
SAME = 1e-4  # float32 graph against torch, on every output
ALIKE = 0.97  # share of the training sentences whose intent int8 must leave as it was
SHAPES = ((1, 1), (1, 7), (3, 12), (2, 33))  # requests x tokens that both must agree on


class ExportError(ParleyError):
    """The exported model does not answer as the trained one."""

    reason = "ExportFailed"


def export(model: JointModel, float32: Path, int8: Path, *, sentences: Sequence[Tokens]) -> None:
    """Write ``model`` twice, and check the float32 graph against it.

    Args:
        sentences: Typical ones; the int8 graph's scales fit them.

    Raises:
        ExportError: The float32 graph's outputs are further than 1e-4 from the model's.
    """
    graph = bert_graph(model) if is_bert(model) else trace(model)
    onnx.save(graph, float32)
    check(model, float32)
    onnx.save(quantize(graph, sentences), int8)


def trace(model: JointModel) -> onnx.ModelProto:
    """The graph of any encoder, recorded by torch; batch and length stay free."""
    with _quiet():
        program = torch.onnx.export(
            model,
            example_inputs(model, 2, 5),
            dynamo=True,
            opset_version=OPSET,
            input_names=inputs_of(model),
            output_names=list(Outputs._fields),
            dynamic_shapes=({0: "requests", 1: "tokens"},) * len(inputs_of(model)),
            verbose=False,
        )
    assert program is not None  # as it is when no path was given
    graph: onnx.ModelProto = program.model_proto
    del graph.graph.value_info[:]  # some name what the int8 graph no longer has
    return graph


def check(model: JointModel, path: Path) -> None:
    """Compare the graph in ``path`` with ``model`` on several shapes, padding included."""
    session = open_session(path)
    most = longest(model.encoder)
    for requests, long in SHAPES:
        tokens = min(long, most or long)
        inputs = example_inputs(model, requests, tokens)
        with torch.inference_mode():
            expected = model(*inputs)
        given = zip(inputs_of(model), (each.numpy() for each in inputs), strict=True)
        answered = session.run(list(Outputs._fields), dict(given))
        for name, ours, theirs in zip(Outputs._fields, expected, answered, strict=True):
            real = inputs[1].bool().numpy() if name == "tag_logits" else ...
            apart = float(np.abs(ours.numpy()[real] - theirs[real]).max())
            if not apart <= SAME:
                raise ExportError(
                    f"the ONNX graph's {name} differ from torch's by {apart:.2g} at shape "
                    f"{requests} x {tokens}; at most {SAME:.0e} is right."
                )


def check_agreement(float32: Sequence[int], int8: Sequence[int]) -> None:
    """Compare the intents both graphs give the same sentences."""
    same = sum(a == b for a, b in zip(float32, int8, strict=True)) / max(len(int8), 1)
    if same < ALIKE:
        raise ExportError(
            f"int8 changes the intent of {1 - same:.1%} of the training sentences; at most "
            f"{1 - ALIKE:.0%} is right."
        )


def inputs_of(model: JointModel) -> list[str]:
    """The names of what ``model`` is given, in order."""
    return [*INPUTS, *([TYPES] if model.context else [])]


def example_inputs(model: JointModel, requests: int, tokens: int) -> tuple[torch.Tensor, ...]:
    """Random ids, a mask with a padded last row, and where contexts are read the types: the last
    third is one."""
    generator = torch.Generator().manual_seed(0)
    size = model.encoder.config.vocab_size
    ids = torch.randint(5, size, (requests, tokens), generator=generator)
    mask = torch.ones_like(ids)
    if requests > 1:
        mask[-1, tokens // 2 + 1 :] = 0
    if not model.context:
        return ids, mask
    types = torch.zeros_like(ids)
    types[:, max(1, 2 * tokens // 3) :] = 1
    return ids, mask, types * mask


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """A session on the CPU, silent but for errors."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells its own story; ours is whether the answers agree."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
