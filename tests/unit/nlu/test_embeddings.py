"""Tables that stay in the file of a graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nlu.embeddings import SMALLEST, tables
from nlu.session import Session
from nlu.tokenizer import Batch

ROWS, WIDTH = SMALLEST // 64, 64
INT64, FLOAT = TensorProto.INT64, TensorProto.FLOAT


def graph(kind: type = np.int8, *, operator: str = "Gather") -> bytes:
    """A graph that looks rows up in a table of numbers that differ from row to row."""
    large = (np.arange(ROWS)[:, None] % 100 + np.arange(WIDTH) % 7).astype(kind)
    small = np.ones((3, 2), np.float32)
    nodes = [
        helper.make_node(operator, ["large", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["words"], to=FLOAT),
        helper.make_node("ReduceMean", ["words", "axis"], ["sentence"], keepdims=0),
        helper.make_node("Identity", ["sentence"], ["intent_logits"]),
        helper.make_node("Identity", ["words"], ["tag_logits"]),
        helper.make_node("Gather", ["small", "attention_mask"], ["unused"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, INT64, ["texts", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [
        helper.make_tensor_value_info(name, FLOAT, None)
        for name in ("intent_logits", "tag_logits", "sentence")
    ]
    constants = [("small", small), ("large", large), ("axis", np.array([1], np.int64))]
    initial = [numpy_helper.from_array(value, name) for name, value in constants]
    made = helper.make_graph(nodes, "lookups", inputs, outputs, initial)
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(made, opset_imports=opset, ir_version=9).SerializeToString()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(graph())
    return path


def test_large_tables_that_rows_are_looked_up_in_are_found(file: Path) -> None:
    found = tables(file)
    [expected] = [
        numpy_helper.to_array(each)
        for each in onnx.load(file).graph.initializer
        if each.name == "large"
    ]
    assert list(found) == ["large"]
    np.testing.assert_array_equal(found["large"], expected)
    assert not found["large"].flags.writeable
    assert not found["large"].flags.owndata


def test_a_session_answers_as_one_with_a_copy_does_and_after_its_file_is_gone(file: Path) -> None:
    ids = np.array([[1, 7, ROWS - 1], [5, 5, 0]], np.int64)
    batch = Batch(ids, np.ones_like(ids), np.zeros_like(ids))
    mapped, copied = Session(file), Session(file.read_bytes())
    file.unlink()
    for mine, other in zip(parts(mapped, batch), parts(copied, batch), strict=True):
        np.testing.assert_array_equal(mine, other)


def parts(session: Session, batch: Batch) -> tuple[np.ndarray, ...]:
    said = session.run(batch)
    return said.intent_logits, said.tag_logits, said.sentence


def test_a_table_that_is_not_looked_up_in_is_left_to_the_runtime(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(graph(operator="GatherElements"))
    assert tables(path) == {}


def test_numbers_that_stand_between_their_places_are_left_to_the_runtime(tmp_path: Path) -> None:
    path, found = tmp_path / "model.onnx", 0
    for letters in range(4):  # moves the table by a byte each time
        model = onnx.load_from_string(graph(np.float32))
        model.producer_name = "p" * (letters + 1)
        path.write_bytes(model.SerializeToString())
        found += len(tables(path))
        Session(path)
    assert found == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 100, b"\x3a\xff\xff\xff\xff\x0f", b"\0"])
def test_what_is_no_graph_has_no_tables(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert tables(path) == {}


@pytest.mark.parametrize("part", [1, 2, 3, 10, 1000])
def test_a_graph_that_was_cut_off_has_no_table_that_is_not_whole(file: Path, part: int) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // part - (part == 1)])
    for table in tables(file).values():
        assert table.shape == (ROWS, WIDTH)
