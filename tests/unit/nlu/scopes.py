"""A scope small enough to reason about."""

from __future__ import annotations

from typing import Any

import numpy as np

from nlu.scope import Scope


def a_scope(**facts: Any) -> Scope:
    """Two intents in scope, at right angles, and a third column for what is not."""
    plain: dict[str, Any] = {
        "heights": np.array([4.0, 4.0, 4.0], np.float32),
        "known": np.array([True, True, False]),
        "centres": np.array([[1, 0, 0], [0, 1, 0]], np.float32),
        "whitening": 10 * np.eye(3, dtype=np.float32),
        "typical": 1.0,
        "vectors": np.array([[1, 0, 0], [0, 1, 0], [0.8, 0.6, 0]], np.float32),
        "mean": np.array([0.0, 0.0, 0.9]),
        "scale": np.array([1.0, 1.0, 0.1]),
        "weights": np.array([1.0, 1.0, 0.5]),
        "bias": 4.0,
    }
    return Scope(**(plain | facts))
