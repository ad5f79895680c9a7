"""How often the gate is wrong, in short; tests/bench/gate_errors.py has it at length."""

from __future__ import annotations

import msgspec
import pytest

from tests.bench.gate_errors import Pair, verdicts
from training.gate.recipe import load_gate_recipe

RECIPE = msgspec.structs.replace(load_gate_recipe(), draws=500)
REPEATS = 60


@pytest.mark.parametrize(
    ("pair", "verdict", "low", "high"),
    [
        (Pair(-0.01, 1000), "pass", 0.0, 0.08),
        (Pair(0.0, 1000), "fail", 0.0, 0.08),
        (Pair(0.03, 1000), "pass", 0.8, 1.0),
        (Pair(-0.03, 1000), "fail", 0.8, 1.0),
    ],
)
def test_the_gate_is_seldom_wrong(pair: Pair, verdict: str, low: float, high: float):
    share = verdicts(pair, REPEATS, 3, RECIPE)[verdict] / REPEATS
    assert low <= share <= high
