"""What a model's int8 products take by themselves: the floor under its latency.

Two floors. ``products``: the model's own matrix products, each once, by the same kernels and on
as many rows as the text has tokens, with nothing between them. ``arithmetic``: as many operations
at the rate of a large int8 product, which no text of a few tokens can reach, since every weight
has to come from memory for a handful of rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

PRODUCTS = ("MatMulIntegerToFloat", "MatMulInteger")
LARGE = (448, 1536, 384)  # rows, inputs, outputs
RUNS = 200


@dataclass(frozen=True, slots=True)
class Floor:
    """Milliseconds, the least of many runs."""

    products_ms: float
    arithmetic_ms: float
    gops: float  # of the large product: thousand million operations a second


def floor(model: Path, tokens: int) -> Floor:
    """Of the int8 products of ``model`` on a text of ``tokens``, on one thread."""
    weights = _weights(onnx.load(str(model)))
    large = np.random.default_rng(0).integers(-127, 127, LARGE[1:], np.int8)
    seconds = _least(_products([large], LARGE[0]))
    gops = 2 * LARGE[0] * large.size / seconds / 1e9
    operations = 2 * tokens * sum(weight.size for weight in weights)
    return Floor(
        products_ms=1000 * _least(_products(weights, tokens)),
        arithmetic_ms=operations / gops / 1e6,
        gops=gops,
    )


def _weights(model: onnx.ModelProto) -> list[np.ndarray]:
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    products = (node for node in model.graph.node if node.op_type in PRODUCTS)
    return [numpy_helper.to_array(constants[node.input[1]]) for node in products]


def _products(weights: list[np.ndarray], rows: int) -> Callable[[], object]:
    """Every product once, each on rows of its own."""
    inputs = {f"x{n}": weight.shape[0] for n, weight in enumerate(weights)}
    outputs = {f"y{n}": weight.shape[1] for n, weight in enumerate(weights)}
    graph = helper.make_graph(
        [
            helper.make_node("MatMulInteger", [f"x{n}", f"w{n}"], [f"y{n}"])
            for n in range(len(weights))
        ],
        "products",
        [helper.make_tensor_value_info(x, TensorProto.UINT8, [rows, n]) for x, n in inputs.items()],
        [
            helper.make_tensor_value_info(y, TensorProto.INT32, [rows, n])
            for y, n in outputs.items()
        ],
        [numpy_helper.from_array(weight, f"w{n}") for n, weight in enumerate(weights)],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    given = {x: np.ones((rows, n), np.uint8) for x, n in inputs.items()}
    return lambda: session.run(None, given)


def _least(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return min(taken)
