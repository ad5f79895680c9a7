"""The ONNX graph of a BERT with our heads, written node by node.

Built from the weights in a second, with fewer and faster nodes than a recorded graph has: queries,
keys and values in one product, attention's scale inside the weights.
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

    length = graph.node("Gather", graph.node("Shape", "input_ids"), graph.ints(1))
    mask = graph.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    masked = graph.node("Sub", graph.floats(1.0), mask)
    masked = graph.node("Mul", masked, graph.floats(HIDDEN_FROM_ATTENTION))
    masked = graph.node("Unsqueeze", masked, graph.ints(1, 2))  # (B, 1, 1, T)

    embeddings = "encoder.embeddings."
    places = weights[embeddings + "position_embeddings.weight"]
    types = weights[embeddings + "token_type_embeddings.weight"]
    places = places + types[0]
    places_here = graph.node(
        "Slice",
        graph.constant("places", places),
        graph.ints(0),
        length,
        graph.ints(0),
    )
    words = embeddings + "word_embeddings.weight"
    words_here = graph.node("Gather", graph.constant(words, weights[words]), "input_ids")
    x = graph.node("Add", words_here, places_here)
    own = mask
    if model.context:
        behind = graph.node("Cast", "token_type_ids", to=TensorProto.FLOAT)
        own = graph.node("Mul", mask, graph.node("Sub", graph.floats(1.0), behind))
        if tells_types(model.encoder):
            other = graph.constant("other", types[1] - types[0])
            behind = graph.node("Unsqueeze", behind, graph.ints(2))  # (B, T, 1)
            x = graph.node("Add", x, graph.node("Mul", behind, other))
    x = graph.norm(x, embeddings + "LayerNorm", config.layer_norm_eps)

    for layer in range(config.num_hidden_layers):
        at = f"encoder.encoder.layer.{layer}."
        parts = [f"{at}attention.self.{part}" for part in ("query", "key", "value")]
        scales = (1 / math.sqrt(width), 1.0, 1.0)
        weight = np.concatenate(
            [weights[p + ".weight"] * s for p, s in zip(parts, scales, strict=True)]
        )
        bias = np.concatenate(
            [weights[p + ".bias"] * s for p, s in zip(parts, scales, strict=True)]
        )
        qkv = graph.product(x, at + "qkv", weight, bias)
        # Of its heads a layer may have kept fewer than it had.
        split = graph.ints(0, 0, len(bias) // width, width)
        qkv = graph.node("Reshape", qkv, split)  # (B, T, 3 x heads, width)
        qkv = graph.node("Transpose", qkv, perm=[0, 2, 1, 3])
        q, k, v = graph.split(qkv, 3, axis=1)  # (B, heads, T, width)
        scores = graph.node("MatMul", q, graph.node("Transpose", k, perm=[0, 1, 3, 2]))
        shares = graph.node("Softmax", graph.node("Add", scores, masked), axis=-1)
        mixed = graph.node("Transpose", graph.node("MatMul", shares, v), perm=[0, 2, 1, 3])
        mixed = graph.node("Reshape", mixed, graph.ints(0, 0, len(bias) // 3))
        mixed = graph.linear(mixed, at + "attention.output.dense")
        x = graph.node("Add", mixed, x)
        x = graph.norm(x, at + "attention.output.LayerNorm", config.layer_norm_eps)
        wide = graph.linear(x, at + "intermediate.dense")
        wide = graph.node("Gelu", wide, approximate="none")
        x = graph.node("Add", graph.linear(wide, at + "output.dense"), x)
        x = graph.norm(x, at + "output.LayerNorm", config.layer_norm_eps)

    weight_of = graph.node("Unsqueeze", own, graph.ints(2))  # (B, T, 1)
    total = graph.node("ReduceSum", graph.node("Mul", x, weight_of), graph.ints(1), keepdims=0)
    graph.node("LpNormalization", total, axis=-1, p=2, output="sentence")  # the mean's direction
    graph.head("sentence", "intent_head", "intent_logits")
    graph.head(x, "tag_head", "tag_logits")
    inputs = ["input_ids", "attention_mask", *(["token_type_ids"] if model.context else [])]
    return _finished(graph, weights, inputs)


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
