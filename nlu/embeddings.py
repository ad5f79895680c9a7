"""The tables of a graph that rows are looked up in, read from its file where they stand.

Of a vocabulary of 30,000 pieces a bot's users write some hundreds. What of its table was never
looked up then takes no memory, and processes that serve one model share what was.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SMALLEST = 1 << 20  # bytes of a table for which this is done
_TYPES: dict[int, type[Any]] = {1: np.float32, 2: np.uint8, 3: np.int8, 10: np.float16}

# Numbers of fields in onnx.proto (github.com/onnx/onnx).
_GRAPH = 7  # of a ModelProto
_NODE, _INITIALIZER = 1, 5  # of a GraphProto
_INPUT, _OPERATOR = 1, 4  # of a NodeProto
_DIMS, _TYPE, _NAME, _BYTES = 1, 2, 8, 9  # of a TensorProto

Table = npt.NDArray[Any]
_Value = int | memoryview


@dataclass(slots=True)
class _Tensor:
    name: str = ""
    type: int = 0
    dims: list[int] = field(default_factory=list)
    start: int = 0
    size: int = 0


def tables(file: Path) -> dict[str, Table]:
    """Tables of ``file`` by their names in the graph, read-only; none where it is no plain graph.

    The file must stay as it is for as long as one of them is used; it may be deleted.
    """
    with file.open("rb") as opened:
        try:
            whole = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
            return _tables(whole)
        except (ValueError, IndexError, OSError):  # empty, cut off or of another kind
            return {}


def _tables(whole: memoryview) -> dict[str, Table]:
    looked_up: set[str] = set()
    tensors: list[_Tensor] = []
    for number, graph in _fields(whole):
        if number != _GRAPH or isinstance(graph, int):
            continue
        for kind, part in _fields(graph):
            if isinstance(part, int):
                continue
            if kind == _NODE:
                looked_up |= _looked_up(part)
            elif kind == _INITIALIZER and len(part) >= SMALLEST:
                tensors.append(_tensor(part, whole))
    found = {each.name: _table(each, whole) for each in tensors if each.name in looked_up}
    return {name: table for name, table in found.items() if table is not None}


def _looked_up(node: memoryview) -> set[str]:
    """The name of the table, if ``node`` looks rows up."""
    values = [(number, value) for number, value in _fields(node) if not isinstance(value, int)]
    if not any(number == _OPERATOR and bytes(value) == b"Gather" for number, value in values):
        return set()
    return {str(value, "utf-8") for number, value in values if number == _INPUT}


def _tensor(part: memoryview, whole: memoryview) -> _Tensor:
    tensor = _Tensor()
    for number, value in _fields(part):
        match number, value:
            case (n, int(size)) if n == _DIMS:
                tensor.dims.append(size)
            case (n, memoryview() as packed) if n == _DIMS:
                tensor.dims += _varints(packed)
            case (n, int(kind)) if n == _TYPE:
                tensor.type = kind
            case (n, memoryview() as name) if n == _NAME:
                tensor.name = str(name, "utf-8")
            case (n, memoryview() as content) if n == _BYTES:
                tensor.start, tensor.size = _offset(content, whole), len(content)
    return tensor


def _table(tensor: _Tensor, whole: memoryview) -> Table | None:
    kind = _TYPES.get(tensor.type)
    if kind is None:
        return None
    width = np.dtype(kind).itemsize
    if tensor.start % width or tensor.size != prod(tensor.dims) * width:
        return None  # not where numbers of that width may stand, or kept elsewhere
    content = whole[tensor.start : tensor.start + tensor.size]
    return np.frombuffer(content, kind).reshape(tensor.dims)


def _offset(part: memoryview, whole: memoryview) -> int:
    address = np.frombuffer(part, np.uint8).ctypes.data
    return int(address - np.frombuffer(whole, np.uint8).ctypes.data)


def _fields(message: memoryview) -> Iterator[tuple[int, _Value]]:
    """The fields of a message as protocol buffers write them; those of fixed width are left out."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        match key & 7:
            case 0:
                value, at = _varint(message, at)
                yield key >> 3, value
            case 1:
                at += 8
            case 2:
                size, at = _varint(message, at)
                yield key >> 3, message[at : at + size]
                at += size
            case 5:
                at += 4
            case wrong:
                raise ValueError(f"a field of kind {wrong}")


def _varints(packed: memoryview) -> Iterator[int]:
    at = 0
    while at < len(packed):
        value, at = _varint(packed, at)
        yield value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
