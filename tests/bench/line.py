"""A benchmark's one line: what was measured, on what, with which versions."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the smallest, by nearest rank."""
    ordered = sorted(values)
    rank = {f"p{p}": ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in (50, 95, 99)}
    return {name: round(value, 3) for name, value in ({"min": ordered[0]} | rank).items()}


def show(name: str, **facts: Any) -> None:
    """Print the line."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True
    )
    about = {
        "name": name,
        "commit": commit.stdout.strip(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": sys.version.split()[0],
        "onnxruntime": version("onnxruntime"),
    }
    print(json.dumps(about | facts), flush=True)
