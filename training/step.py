"""How far a training run is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the optimiser, of ``total``."""

    done: int
    total: int
    loss: float
