"""The benchmark of training is ready to run where a GPU is at hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from transformers import BertConfig

pytestmark = pytest.mark.torch

SCRIPT = Path(__file__).parents[2] / "bench" / "gpu.py"


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_gpu", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["bench_gpu"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("hidden", "layers", "length", "millions"), [(384, 6, 32, 21.5), (768, 12, 128, 175)]
)
def test_operations_are_counted_by_the_formula(
    gpu: ModuleType, hidden: int, layers: int, length: int, millions: float
):
    config = BertConfig(hidden_size=hidden, num_hidden_layers=layers, intermediate_size=4 * hidden)
    assert gpu.flops(config, length) / 3e6 == pytest.approx(millions, rel=0.01)


def test_the_loop_is_measured(gpu: ModuleType):
    [job] = gpu.jobs(tiny=True)
    way, run = gpu.ways(torch.device("cpu"), tiny=True)[0]
    row = gpu.measure(job, way, run, torch.device("cpu"), 1e9)
    assert row["tokens_per_s"] > 0
    assert row["utilisation"] > 0
    facts = gpu.about(torch.device("cpu"), 1e12, stated=False)
    assert "| tiny | 4-12 | 4 | loop |" in gpu.table({"about": facts, "rows": [row]})
