"""The ONNX graph of a BERT with our heads, written node by node.

Built from the weights in a second, with fewer and faster nodes than a recorded graph has: queries,
keys and values in one product, attention's scale inside the weights, and tokens before requests,
so that the products of attention read queries, keys and values where they lie.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper

from training.graph import Array, Graph
from training.model import JointModel, tells_types

HIDDEN_FROM_ATTENTION = -10000.0  # added to the score of padding: its softmax is 0


def is_bert(model: JointModel) -> bool:
    """Whether the encoder is the BERT this file knows."""
    config = model.encoder.config
    return (
        config.model_type == "bert"
        and config.hidden_act == "gelu"
        and getattr(config, "position_embedding_type", "absolute") in (None, "absolute")
    )


def bert_graph(model: JointModel) -> onnx.ModelProto:
    """``model`` in float32."""
    config = model.encoder.config
    weights = {name: value.detach().float().numpy() for name, value in model.state_dict().items()}
    graph = Graph(weights)
    width = config.hidden_size // config.num_attention_heads
    epsilon = config.layer_norm_eps
    x = _embedded(graph, weights, model)
    masked = graph.node("Gather", graph.floats(HIDDEN_FROM_ATTENTION, 0.0), "attention_mask")
    masked = graph.node("Unsqueeze", masked, graph.ints(1, 2))  # (B, 1, 1, T)
    for layer in range(config.num_hidden_layers):
        x = _layer(graph, weights, f"encoder.encoder.layer.{layer}.", x, masked, width, epsilon)
    x = graph.node("Transpose", x, perm=[1, 0, 2])  # (B, T, hidden)

    own = graph.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    if model.context:
        behind = graph.node("Cast", "token_type_ids", to=TensorProto.FLOAT)
        own = graph.node("Mul", own, graph.node("Sub", graph.floats(1.0), behind))
    own = graph.node("Unsqueeze", own, graph.ints(1))  # (B, 1, T)
    total = graph.node("Squeeze", graph.node("MatMul", own, x), graph.ints(1))
    graph.node("LpNormalization", total, axis=-1, p=2, output="sentence")  # the mean's direction
    graph.head("sentence", "intent_head", "intent_logits")
    graph.head(x, "tag_head", "tag_logits")
    inputs = ["input_ids", "attention_mask", *(["token_type_ids"] if model.context else [])]
    return _finished(graph, weights, inputs)


def _embedded(graph: Graph, weights: Mapping[str, Array], model: JointModel) -> str:
    """What the first layer reads: (T, B, hidden)."""
    at = "encoder.embeddings."
    types = weights[at + "token_type_embeddings.weight"]
    places = weights[at + "position_embeddings.weight"] + types[0]
    length = graph.node("Gather", graph.node("Shape", "input_ids"), graph.ints(1))
    here = graph.node(
        "Slice",
        graph.constant("places", places[:, None]),
        graph.ints(0),
        length,
        graph.ints(0),
    )
    words = at + "word_embeddings.weight"
    ids = graph.node("Transpose", "input_ids", perm=[1, 0])
    x = graph.node("Gather", graph.constant(words, weights[words]), ids)
    x = graph.node("Add", x, here)
    if model.context and tells_types(model.encoder):
        behind = graph.node("Cast", "token_type_ids", to=TensorProto.FLOAT)
        behind = graph.node("Transpose", behind, perm=[1, 0])
        behind = graph.node("Unsqueeze", behind, graph.ints(2))  # (T, B, 1)
        other = graph.constant("other", types[1] - types[0])
        x = graph.node("Add", x, graph.node("Mul", behind, other))
    return graph.norm(x, at + "LayerNorm", model.encoder.config.layer_norm_eps)


def _layer(
    graph: Graph,
    weights: Mapping[str, Array],
    at: str,
    x: str,
    masked: str,
    width: int,
    epsilon: float,
) -> str:
    mixed = _mixed(graph, weights, at, x, masked, width)
    mixed = graph.linear(mixed, at + "attention.output.dense")
    x = graph.norm(graph.node("Add", mixed, x), at + "attention.output.LayerNorm", epsilon)
    wide = graph.linear(x, at + "intermediate.dense")
    wide = graph.node("Gelu", wide, approximate="none")
    x = graph.node("Add", graph.linear(wide, at + "output.dense"), x)
    return graph.norm(x, at + "output.LayerNorm", epsilon)


def _mixed(
    graph: Graph, weights: Mapping[str, Array], at: str, x: str, masked: str, width: int
) -> str:
    """What every token takes from the others: (T, B, heads x width)."""
    parts = [f"{at}attention.self.{part}" for part in ("query", "key", "value")]
    scales = (1 / math.sqrt(width), 1.0, 1.0)
    weight, bias = (
        np.concatenate([weights[p + kind] * s for p, s in zip(parts, scales, strict=True)])
        for kind in (".weight", ".bias")
    )
    qkv = graph.product(x, at + "qkv", weight, bias)
    # Of its heads a layer may have kept fewer than it had.
    qkv = graph.node("Reshape", qkv, graph.ints(0, 0, len(bias) // width, width))
    q, k, v = graph.split(qkv, 3, axis=2)  # (T, B, heads, width)
    scores = graph.fused_product(q, k, transBatchA=1, transBatchB=1, transB=1)  # (B, heads, T, T)
    shares = graph.node("Softmax", graph.node("Add", scores, masked), axis=-1)
    mixed = graph.fused_product(shares, v, transBatchB=1)  # (B, heads, T, width)
    mixed = graph.node("Transpose", mixed, perm=[2, 0, 1, 3])
    return graph.node("Reshape", mixed, graph.ints(0, 0, len(bias) // 3))


def _finished(graph: Graph, weights: Mapping[str, Array], inputs: Sequence[str]) -> onnx.ModelProto:
    ids = ["requests", "tokens"]
    intents = len(weights["intent_head.bias"])
    hidden = weights["intent_head.weight"].shape[1]
    tags = len(weights["tag_head.bias"])
    value = helper.make_tensor_value_info
    return graph.model(
        [value(name, TensorProto.INT64, ids) for name in inputs],
        [
            value("intent_logits", TensorProto.FLOAT, ["requests", intents]),
            value("tag_logits", TensorProto.FLOAT, ["requests", "tokens", tags]),
            value("sentence", TensorProto.FLOAT, ["requests", hidden]),
        ],
    )
