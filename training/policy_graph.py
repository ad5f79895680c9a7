"""The ONNX graph of a policy model, written node by node; one conversation at a time."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import TensorProto, helper

from training.graph import Graph
from training.policy_model import EPSILON, PolicyNet


def policy_graph(net: PolicyNet) -> onnx.ModelProto:
    """``net`` in float32."""
    weights = {name: value.detach().float().numpy() for name, value in net.state_dict().items()}
    graph = Graph(weights)
    width = weights["state.bias"].shape[0]
    split = graph.ints(0, 0, net.heads, width // net.heads)

    length = graph.node("Gather", graph.node("Shape", "states"), graph.ints(1))
    first = graph.node("Neg", length)
    end = graph.ints(np.iinfo(np.int64).max)
    places = graph.node(
        "Slice", graph.constant("places", weights["places"]), first, end, graph.ints(0)
    )
    x = graph.node("Gelu", graph.linear("states", "state"), approximate="none")
    x = graph.node("Add", x, places)  # (1, T, W)
    latest = graph.node("Slice", x, graph.ints(-1), end, graph.ints(1))
    normed = graph.norm(x, "before", EPSILON)
    asking = graph.node("Slice", normed, graph.ints(-1), end, graph.ints(1))

    def heads(value: str) -> str:
        return graph.node("Transpose", graph.node("Reshape", value, split), perm=[0, 2, 1, 3])

    scale = 1 / math.sqrt(width // net.heads)
    query = graph.product(
        asking, "query", weights["query.weight"] * scale, weights["query.bias"] * scale
    )
    key = graph.node("Transpose", heads(graph.linear(normed, "key")), perm=[0, 1, 3, 2])
    shares = graph.node("Softmax", graph.node("MatMul", heads(query), key), axis=-1)
    seen = graph.node("MatMul", shares, heads(graph.linear(normed, "value")))
    seen = graph.node("Transpose", seen, perm=[0, 2, 1, 3])
    seen = graph.node("Reshape", seen, graph.ints(0, 0, width))  # (1, 1, W)
    y = graph.node("Add", latest, graph.linear(seen, "mixed"))
    wide = graph.linear(graph.norm(y, "between", EPSILON), "wide")
    y = graph.node("Add", y, graph.linear(graph.node("Gelu", wide, approximate="none"), "narrow"))
    y = graph.node("Squeeze", graph.norm(y, "after", EPSILON), graph.ints(1))  # (1, W)
    graph.head(y, "action_head", "action_logits")
    graph.head(y, "intent_head", "intent_logits")
    return _finished(graph, net)


def _finished(graph: Graph, net: PolicyNet) -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    columns = net.state.in_features
    return graph.model(
        [value("states", TensorProto.FLOAT, [1, "states", columns])],
        [
            value("action_logits", TensorProto.FLOAT, [1, net.action_head.out_features]),
            value("intent_logits", TensorProto.FLOAT, [1, net.intent_head.out_features]),
        ],
    )
