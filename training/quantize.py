"""A float32 graph → the same with int8 weights, and int8 activations on fixed scales.

The scales are measured beforehand on training sentences, so that a sentence is answered alike
alone and in any company: a scale taken from the batch at hand would depend on the others in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import NodeProto, TensorProto, helper, numpy_helper

from nlu.session import TYPES
from nlu.tokenizer import Tokens, pad
from training.graph import MICROSOFT

Float32 = npt.NDArray[np.float32]

# Channels of what goes into a layer that are multiplied in float32, those with the largest values:
# an encoder speaks through a few of them, and one scale for all would be coarse for the rest
# (Dettmers et al. 2022, LLM.int8(), arXiv 2208.07339).
ASIDE = 4
MOST = 512  # tokens are measured at a time
_TINY = float(np.finfo(np.float32).tiny)


def quantize(
    model: onnx.ModelProto, sentences: Sequence[Tokens], *, aside: int = ASIDE
) -> onnx.ModelProto:
    """``model`` in int8, on scales that fit ``sentences``.

    A linear layer has one scale per output, and one for all that goes in but the ``aside`` largest
    channels, which stay float32; an embedding has one per row. Gelu takes its tanh form. A layer
    that gives an output stays float32: it is small, and decides.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    layers = {layer.product: layer for layer in linear_layers(model)}
    sums = {layer.output for layer in layers.values() if layer.output != layer.product}
    channels = measure(model, sorted({layer.x for layer in layers.values()}), sentences)
    inputs = {x: Input.of(measured, aside) for x, measured in channels.items()}
    parts = _Parts()
    for node in model.graph.node:
        [output, *_] = node.output
        if output in layers:
            layer = layers[output]
            parts.linear(layer, _array(constants[layer.weight]), inputs[layer.x])
        elif node.op_type == "Gather" and _is_table(constants.get(node.input[0])):
            parts.lookup(node, _array(constants[node.input[0]]))
        elif output not in sums:
            parts.keep(node)
    return parts.model(model)


@dataclass(frozen=True, slots=True)
class Linear:
    """x W + b in a graph: a product with a constant, and the sum after it, if there is one.

    ``product`` names what comes out of the first, ``output`` what comes out of the last.
    """

    x: str
    weight: str
    bias: str  # empty without one
    product: str
    output: str


def linear_layers(model: onnx.ModelProto) -> list[Linear]:
    """The linear layers of a graph, without those that give an output."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    readers: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found = []
    for node in model.graph.node:
        if node.op_type != "MatMul" or not _is_table(constants.get(node.input[1])):
            continue
        x, weight, product = node.input[0], node.input[1], node.output[0]
        bias, output = "", product
        match readers.get(product, []):
            case [after] if after.op_type == "Add":
                added = next((name for name in after.input if name != product), "")
                if added in constants and len(constants[added].dims) == 1:
                    bias, output = added, after.output[0]
        found.append(Linear(x, weight, bias, product, output))
    given = {output.name for output in model.graph.output}
    return [layer for layer in found if not {layer.product, layer.output} & given]


@dataclass(frozen=True, slots=True)
class Channels:
    """The least and the most of each channel of a value; 0 at the nearest."""

    low: Float32
    high: Float32


@dataclass(frozen=True, slots=True)
class Input:
    """How what goes into a layer is rounded: from ``low`` to ``high``, but for some channels."""

    low: float
    high: float
    aside: npt.NDArray[np.int64]

    @staticmethod
    def of(channels: Channels, aside: int) -> Input:
        """With the ``aside`` largest channels left out; at most a quarter of them all."""
        largest = np.argsort(np.maximum(-channels.low, channels.high), kind="stable")
        rest = len(largest) - min(aside, len(largest) // 4)
        low, high = channels.low[largest[:rest]].min(), channels.high[largest[:rest]].max()
        return Input(float(low), float(high), np.sort(largest[rest:]).astype(np.int64))


def measure(
    model: onnx.ModelProto, names: Sequence[str], sentences: Sequence[Tokens]
) -> dict[str, Channels]:
    """What each named value, of shape (…, channels), reaches on ``sentences``."""
    found: dict[str, Channels] = {}
    for values in _watched(model, names, sentences):
        for name, value in values.items():
            rows = value.reshape(-1, value.shape[-1])
            low, high = np.minimum(rows.min(0), 0), np.maximum(rows.max(0), 0)
            if name in found:
                low, high = np.minimum(low, found[name].low), np.maximum(high, found[name].high)
            found[name] = Channels(low, high)
    return found


def _watched(
    model: onnx.ModelProto, names: Sequence[str], sentences: Sequence[Tokens]
) -> Iterator[Mapping[str, Float32]]:
    """The named values while ``model`` reads the sentences, some at a time."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = {node.name for node in session.get_inputs()}
    for some in alike(sentences):
        batch = pad(some, pad_id=0)
        given = {"input_ids": batch.ids, "attention_mask": batch.mask, TYPES: batch.types}
        values = session.run(list(names), {k: v for k, v in given.items() if k in wanted})
        yield dict(zip(names, values, strict=True))


def alike(sentences: Sequence[Tokens]) -> Iterator[list[Tokens]]:
    """All of ``sentences``, a few of one length at a time: padding would be measured as well."""
    for length, same in groupby(sorted(sentences, key=_length), key=_length):
        size = max(1, MOST // max(1, length))
        while some := list(islice(same, size)):
            yield some


def _length(sentence: Tokens) -> int:
    return len(sentence.ids)


class _Parts:
    """The nodes and constants of the int8 graph."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}
        self._quantized: set[str] = set()

    def keep(self, node: NodeProto) -> None:
        kept = NodeProto()
        kept.CopyFrom(node)
        if node.op_type == "Gelu":
            del kept.attribute[:]
            kept.attribute.append(helper.make_attribute("approximate", "tanh"))
        self._nodes.append(kept)

    def linear(self, layer: Linear, weight: Float32, given: Input) -> None:
        x = layer.x
        if x not in self._quantized:  # which queries, keys and values share
            self._quantized.add(x)
            step = np.float32(max((given.high - given.low) / 255, _TINY))
            self._constant(x + ".step", step)
            self._constant(x + ".zero", np.uint8(np.rint(-given.low / step)))
            self._node("QuantizeLinear", [x, x + ".step", x + ".zero"], x + ".uint8")
            if len(given.aside):
                self._constant(x + ".aside", given.aside)
                self._node("Gather", [x, x + ".aside"], x + ".largest", axis=-1)
        rounded = weight.copy()
        rounded[given.aside] = 0  # so that it does not matter how those are cut to fit the scale
        steps = _steps(rounded, axis=0)
        product = layer.output + ".rounded" if len(given.aside) else layer.output
        self._node(
            "MatMulIntegerToFloat",
            [
                x + ".uint8",
                self._constant(layer.weight + ".int8", _rounded(rounded, steps)),
                x + ".step",
                self._constant(layer.weight + ".steps", steps[0]),
                x + ".zero",
                "",  # zero points of the weights: all 0
                layer.bias,
            ],
            product,
            domain=MICROSOFT,
        )
        if len(given.aside):
            largest = self._constant(layer.weight + ".largest", weight[given.aside])
            self._node("MatMul", [x + ".largest", largest], layer.output + ".exact")
            self._node("Add", [product, layer.output + ".exact"], layer.output)

    def lookup(self, gather: NodeProto, table: Float32) -> None:
        name, ids, output = gather.input[0] + ".rows", gather.input[1], gather.output[0]
        steps = _steps(table, axis=1)
        self._constant(name + ".int8", _rounded(table, steps))
        self._constant(name + ".steps", steps)
        self._node("Gather", [name + ".int8", ids], output + ".int8")
        self._node("Cast", [output + ".int8"], output + ".rows", to=TensorProto.FLOAT)
        self._node("Gather", [name + ".steps", ids], output + ".steps")
        self._node("Mul", [output + ".rows", output + ".steps"], output)

    def model(self, before: onnx.ModelProto) -> onnx.ModelProto:
        """The whole, with those constants of ``before`` that are still read."""
        made = onnx.ModelProto()
        made.CopyFrom(before)
        read = {name for node in self._nodes for name in node.input}
        kept = [tensor for tensor in before.graph.initializer if tensor.name in read]
        for parts, now in (
            (made.graph.node, self._nodes),
            (made.graph.initializer, [*kept, *self._constants.values()]),
        ):
            del parts[:]
            parts.extend(now)
        if all(opset.domain != MICROSOFT for opset in made.opset_import):
            made.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
        onnx.checker.check_model(made)
        return made

    def _node(
        self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any
    ) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))

    def _constant(self, name: str, value: npt.ArrayLike) -> str:
        array = np.ascontiguousarray(value).reshape(np.shape(value))
        self._constants[name] = numpy_helper.from_array(array, name)
        return name


def _is_table(tensor: TensorProto | None) -> bool:
    return tensor is not None and len(tensor.dims) == 2 and tensor.data_type == TensorProto.FLOAT


def _array(tensor: TensorProto) -> Float32:
    return np.asarray(numpy_helper.to_array(tensor), dtype=np.float32)


def _steps(weight: Float32, *, axis: int) -> Float32:
    """The step between two int8 values, for each output of a layer or row of a table."""
    most = np.abs(weight).max(axis=axis, keepdims=True)
    return np.asarray(np.maximum(most / 127, _TINY), dtype=np.float32)


def _rounded(weight: Float32, steps: Float32) -> npt.NDArray[np.int8]:
    return np.asarray(np.clip(np.rint(weight / steps), -127, 127), dtype=np.int8)
