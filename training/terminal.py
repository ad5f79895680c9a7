"""What training commands say at a terminal: progress, and errors as sentences."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from bot.errors import SettingsError

if TYPE_CHECKING:
    from training.step import Step


@contextmanager
def told() -> Iterator[None]:
    """NLU's own errors as sentences; nlu knows nothing of bot's tree."""
    from nlu.errors import NluError

    try:
        yield
    except NluError as error:
        raise SettingsError(str(error)) from error


@contextmanager
def needs_torch() -> Iterator[None]:
    """For the first import of torch: settles how its threads wait; one sentence where the training
    extra is not installed."""
    _wait_asleep()
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in {"torch", "transformers", "onnx", "onnxscript", "safetensors"}:
            raise SettingsError(
                f"training needs the Python module {package!r}: install parley[train]."
            ) from error
        raise


def _wait_asleep() -> None:
    """Where others keep all cores busy, let torch's threads sleep while they wait for each other.

    Awake they go on sooner, but hold a core that the one they wait for may need: a training of 19
    seconds of CPU then took 97. What is learnt is the same. Torch has to be told before it is
    imported.
    """
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def progress(*, quiet: bool) -> Iterator[tuple[Callable[[Step], None], Callable[[str], None]]]:
    """Two functions to be told of a training step and of anything else."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, highlight=False)
    if quiet or not console.is_terminal:
        tenths: set[int] = set()

        def watch(step: Step) -> None:
            tenth = 10 * step.done // step.total
            if tenth not in tenths:
                tenths.add(tenth)
                typer.echo(f"step {step.done}/{step.total}, loss {step.loss:.3f}", err=True)

        yield watch, lambda line: typer.echo(line, err=True)
        return

    columns = (
        TextColumn("training"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %  loss {task.fields[loss]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=None, loss="-")

        def advance(step: Step) -> None:
            progress.update(task, total=step.total, completed=step.done, loss=f"{step.loss:.3f}")

        yield advance, lambda line: console.print(line, markup=False)


@contextmanager
def counting(what: str, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A function to be told how many of ``what`` are done; how many there are nobody knows."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    if quiet or not console.is_terminal:
        yield lambda done: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.completed} " + what), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done: shown.update(task, completed=done)
