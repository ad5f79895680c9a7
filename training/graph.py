"""An ONNX graph, written node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Array = npt.NDArray[np.float32]

MICROSOFT = "com.microsoft"
OPSETS = [helper.make_opsetid("", 20), helper.make_opsetid(MICROSOFT, 1)]
IR_VERSION = 10


class Graph:
    """Nodes and constants as they are added; names are given in order."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node with one output; gives the output's name."""
        output = output or f"{kind}_{len(self._nodes)}"
        made = helper.make_node(kind, list(inputs), [output], **attributes)
        self._nodes.append(made)
        return output

    def fused_product(self, a: str, b: str, **turned: Any) -> str:
        """A product whose factors lie otherwise than MatMul wants them.

        ``transBatchA`` and ``transBatchB``: the rows come before the batches, (rows, ..., columns).
        """
        return self.node("FusedMatMul", a, b, domain=MICROSOFT, **turned)

    def split(self, value: str, parts: int, *, axis: int) -> list[str]:
        outputs = [f"Split_{len(self._nodes)}_{part}" for part in range(parts)]
        made = helper.make_node("Split", [value], outputs, axis=axis, num_outputs=parts)
        self._nodes.append(made)
        return outputs

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def ints(self, *values: int) -> str:
        return self.constant("i_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def floats(self, *values: float) -> str:
        name = "f_" + "_".join(map(str, values))
        return self.constant(name, np.array(values, dtype=np.float32))

    def linear(self, x: str, name: str) -> str:
        return self.product(x, name, self._weights[name + ".weight"], self._weights[name + ".bias"])

    def product(self, x: str, name: str, weight: Array, bias: Array) -> str:
        """x W' + b, with ``weight`` as torch keeps it: (outputs, inputs)."""
        product = self.node("MatMul", x, self.constant(name + ".weight", weight.T))
        return self.node("Add", product, self.constant(name + ".bias", bias))

    def norm(self, x: str, name: str, epsilon: float) -> str:
        weight = self.constant(name + ".weight", self._weights[name + ".weight"])
        bias = self.constant(name + ".bias", self._weights[name + ".bias"])
        return self.node("LayerNormalization", x, weight, bias, axis=-1, epsilon=epsilon)

    def head(self, x: str, name: str, output: str) -> None:
        weight = self.constant(name + ".weight", self._weights[name + ".weight"].T)
        bias = self.constant(name + ".bias", self._weights[name + ".bias"])
        self.node("Add", self.node("MatMul", x, weight), bias, output=output)

    def model(
        self, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """The whole, checked to be well formed."""
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, "parley", inputs, outputs, constants)
        model = helper.make_model(graph, opset_imports=OPSETS, ir_version=IR_VERSION)
        model.producer_name = "parley"
        onnx.checker.check_model(model)
        return model
