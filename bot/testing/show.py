"""How conversation tests went, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.testing.outcome import Choice, Outcome
from bot.testing.results import story_report


def show_outcomes(outcomes: Sequence[Outcome], out: Path, failed: Path | None) -> None:
    """Print what failed and where, then the numbers.

    Args:
        out: Where the reports are.
        failed: The file that tells the failed conversations, where one was written.
    """
    console = Console(highlight=False, soft_wrap=True)
    for outcome in outcomes:
        if not outcome.passed:
            console.print(f"FAILED {outcome.place} {outcome.name}", style="red", markup=False)
            for mistake in outcome.mistakes:
                console.print(f"  {mistake}", markup=False)
        for warning in outcome.warnings:
            console.print(f"  warning: {warning}", style="yellow", markup=False)
    console.print(_table(outcomes))
    if failed is not None and not all(outcome.passed for outcome in outcomes):
        console.print(f"{failed} shows what was predicted instead.", markup=False)
    console.print(f"Reports are in {out}.", markup=False)


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table("", "right", "of", "share", box=None, pad_edge=False)
    passed = sum(outcome.passed for outcome in outcomes)
    _row(table, "conversations", passed, len(outcomes))
    for name, kind in (("actions", "choices"), ("intents and entities", "meanings")):
        choices: list[Choice] = [each for one in outcomes for each in getattr(one, kind)]
        if choices:
            _row(table, name, sum(choice.right for choice in choices), len(choices))
    average = story_report(outcomes)["weighted avg"]
    table.add_row("F1, weighted", "", "", f"{average['f1-score']:.3f}")
    return table


def _row(table: Table, name: str, right: int, total: int) -> None:
    share = f"{right / total:.1%}" if total else "-"
    table.add_row(name, str(right), str(total), share)
