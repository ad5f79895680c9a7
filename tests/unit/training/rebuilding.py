"""`parley` as a process of its own, which may be told to end badly. Started by
test_rebuild_team.py.

What it was to exit with is written to ``exit-<rank>`` in the folder that ``EXITS`` names. ``DIES``
is a step of the training, or ``gate``; ``DIES_RANK`` the process of a team that does.
"""

from __future__ import annotations

import os
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

import torch

import training.checkpoint
import training.loop
import training.rebuild
import training.train
from bot.cli import main

RANK = os.environ.get("RANK", "0")


def exactly() -> None:
    """Sums in float32, in one order: bfloat16 rounds otherwise in a batch of another size."""
    training.train.half_precision = lambda device: nullcontext()  # type: ignore[assignment]
    torch.set_num_threads(1)


def die(*_: Any, **__: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def dies(where: str) -> None:
    training.checkpoint.Checkpoint.due = lambda self: True  # type: ignore[method-assign]
    if where == "gate":
        training.rebuild.run_gate = die
        return
    as_it_is = training.loop.Loop.step

    def step(self: Any, *given: Any) -> Any:
        if self.done == int(where):
            die()
        return as_it_is(self, *given)

    training.loop.Loop.step = step  # type: ignore[method-assign]


if __name__ == "__main__":
    exactly()
    if "DIES" in os.environ and os.environ.get("DIES_RANK", RANK) == RANK:
        dies(os.environ["DIES"])
    try:
        main()
    except SystemExit as ended:
        Path(os.environ["EXITS"], f"exit-{RANK}").write_text(str(ended.code or 0))
        raise
