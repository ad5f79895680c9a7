"""torch → TorchScript: the float32 model for programs that run PyTorch without Python.

Parley neither serves nor reads it; its archives hold pickles.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from training.export import SAME, SHAPES, ExportError, example_inputs
from training.model import JointModel

FILE = "model.pt"  # in a bundle, where the recipe wants it


def read_torchscript(path: Path) -> Any:
    """What was written, to be called as the model is. Only for files of one's own: reading pickles
    may run what is in them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch would rather have its own newer format
        return torch.jit.load(str(path))  # type: ignore[no-untyped-call]


def write_torchscript(model: JointModel, path: Path) -> None:
    """Write ``model`` as a recording of what it does; the outputs are a tuple in their order.

    Raises:
        ExportError: What was recorded answers otherwise on batches of other shapes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tracing: the shapes below are what tells
        recorded = torch.jit.trace(  # type: ignore[no-untyped-call]
            model, example_inputs(model, 2, 5), strict=False
        )
        recorded.save(str(path))
    again = read_torchscript(path)
    for requests, tokens in SHAPES:
        inputs = example_inputs(model, requests, tokens)
        with torch.inference_mode():
            pairs = zip(model(*inputs), again(*inputs), strict=True)
            if not all(torch.allclose(one, other, rtol=0, atol=SAME) for one, other in pairs):
                raise ExportError(f"TorchScript answers otherwise on a batch {requests}x{tokens}.")
