from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nlu.tokenizer import Tokens
from training.quantize import MOST, Channels, Input, alike, linear_layers, measure, quantize

pytestmark = pytest.mark.torch

WIDTH = 4
rng = np.random.default_rng(0)
TABLE = rng.normal(size=(50, WIDTH)).astype(np.float32)
SQUARE = rng.normal(size=(WIDTH, WIDTH)).astype(np.float32)
SENTENCES = [rng.integers(0, 50, size=size).tolist() for size in (3, 9, 1, 20)]
TOKENS = [Tokens(ids, (), ()) for ids in SENTENCES]


def network(*, bias_first: bool = False) -> onnx.ModelProto:
    """Two layers that read the same, one with a bias, one without; their sum goes to a head."""
    added = ["bias", "product"] if bias_first else ["product", "bias"]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("MatMul", ["words", "one"], ["product"]),
        helper.make_node("Add", added, ["biased"]),
        helper.make_node("MatMul", ["words", "two"], ["bare"]),
        helper.make_node("Add", ["biased", "bare"], ["sum"]),
        helper.make_node("MatMul", ["sum", "head"], ["answer"]),
        helper.make_node("Identity", ["attention_mask"], ["mask"]),
    ]
    constants = {"table": TABLE, "one": SQUARE, "two": SQUARE.T, "head": SQUARE + 1}
    constants["bias"] = np.arange(WIDTH, dtype=np.float32)
    value, shape = helper.make_tensor_value_info, ["requests", "tokens"]
    graph = helper.make_graph(
        nodes,
        "network",
        [value(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")],
        [
            value("answer", TensorProto.FLOAT, [*shape, WIDTH]),
            value("mask", TensorProto.INT64, shape),
        ],
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def answers(model: onnx.ModelProto, ids: list[int]) -> np.ndarray:
    import onnxruntime

    feed = {name: np.array([ids], dtype=np.int64) for name in ("input_ids", "attention_mask")}
    return onnxruntime.InferenceSession(model.SerializeToString()).run(["answer"], feed)[0]


@pytest.mark.parametrize("bias_first", [False, True])
def test_layers_are_found_with_their_bias_but_not_the_one_that_answers(bias_first: bool):
    found = linear_layers(network(bias_first=bias_first))
    assert [(layer.x, layer.weight, layer.bias, layer.output) for layer in found] == [
        ("words", "one", "bias", "biased"),
        ("words", "two", "", "bare"),
    ]


@pytest.mark.parametrize("bias_first", [False, True])
def test_the_int8_graph_answers_nearly_as_the_float32_one(bias_first: bool):
    model = network(bias_first=bias_first)
    rounded = quantize(model, TOKENS)
    for ids in SENTENCES:
        exact = answers(model, ids)
        apart = np.abs(answers(rounded, ids) - exact).max()
        assert 0 < apart < 0.03 * np.abs(exact).max()


def test_what_two_layers_read_is_quantized_once_and_no_float_weight_is_left_behind():
    made = quantize(network(), TOKENS)
    kinds = [node.op_type for node in made.graph.node]
    assert kinds.count("QuantizeLinear") == 1
    assert kinds.count("MatMulIntegerToFloat") == 2
    left = {tensor.name for tensor in made.graph.initializer}
    assert left.isdisjoint({"table", "one", "two"})
    assert {"head", "bias"} <= left


def test_sentences_are_measured_with_those_of_their_length_so_that_none_is_padded():
    again = [Tokens(tokens.ids[::-1], (), ()) for tokens in TOKENS]
    parts = list(alike([*TOKENS, *again, *[TOKENS[3]] * MOST]))
    assert all(len({len(tokens.ids) for tokens in part}) == 1 for part in parts)
    assert all(sum(len(tokens.ids) for tokens in part) <= MOST for part in parts)
    assert [len(part) for part in parts[:3]] == [2, 2, 2]
    assert sum(map(len, parts)) == 2 * len(TOKENS) + MOST


def test_the_range_is_what_the_channels_reach_and_holds_zero():
    words = np.concatenate([TABLE[ids] for ids in SENTENCES])
    [channels] = measure(network(), ["words"], TOKENS).values()
    assert channels.low == pytest.approx(np.minimum(words.min(axis=0), 0))
    assert channels.high == pytest.approx(np.maximum(words.max(axis=0), 0))
    whole = Input.of(channels, 0)
    assert (whole.low, whole.high) == pytest.approx((min(words.min(), 0), max(words.max(), 0)))


def test_the_largest_channels_are_left_out_of_the_range():
    low = np.array([-1, -9, 0, -1, -2, -1, 0, -1], np.float32)
    high = np.array([1, 0, 1, 30, 2, 3, 1, 1], np.float32)
    given = Input.of(Channels(low, high), 2)
    assert given.aside.tolist() == [1, 3]
    assert (given.low, given.high) == (-2, 3)


def test_one_very_large_channel_does_not_make_the_others_coarse():
    large = network()
    for tensor in large.graph.initializer:
        if tensor.name == "table":
            table = TABLE.copy()
            table[:, 0] *= 300
            tensor.CopyFrom(numpy_helper.from_array(table, "table"))
    apart = {
        aside: max(
            np.abs(answers(quantize(large, TOKENS, aside=aside), ids) - answers(large, ids)).max()
            for ids in SENTENCES
        )
        for aside in (0, 1)
    }
    assert apart[1] < apart[0] / 2
