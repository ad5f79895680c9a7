"""Scores and overlaps, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from bot.project.project import Example
from bot.testing.heard import Heard
from training.dedupe import near_duplicates, without
from training.evaluate import Scores
from training.nlutest import strict
from training.recipe import Recipe

if TYPE_CHECKING:
    from training.trial import TrialReport


def show_scores(version: str, scores: Scores) -> None:
    """Print ``scores``, every entity's and every confusion."""
    console = _console()
    console.print(f"model {version} on {scores.sentences} sentences", markup=False)
    console.print(
        f"intents   {scores.intent_accuracy:.1%} right ({_range(scores.intent_interval)}), "
        f"macro F1 {scores.intent_macro_f1:.1%}"
    )
    entities = scores.entities
    console.print(
        f"entities  F1 {entities.f1:.1%} ({_range(scores.entity_interval)}), "
        f"precision {entities.precision:.1%}, recall {entities.recall:.1%}"
    )
    if scores.role_accuracy is not None:
        console.print(f"roles     {scores.role_accuracy:.1%} right")
    console.print(f"sentences {scores.sentence_accuracy:.1%} wholly right")
    table = Table("entity", "F1", "precision", "recall", "support")
    for name, part in scores.by_entity.items():
        shares = (f"{share:.1%}" for share in (part.f1, part.precision, part.recall))
        table.add_row(name, *shares, str(part.support))
    if scores.by_entity:
        console.print(table)
    for confusion in scores.confusions:
        names = f"{confusion.expected} taken for {confusion.answered}"
        console.print(f"{confusion.count} x {names}: {'; '.join(confusion.texts)}", markup=False)


def show_overlap(examples: Sequence[Example], tests: Sequence[Example], recipe: Recipe) -> None:
    """Print what the tests share with the examples, by letters and by meaning."""
    console = _console()
    if not tests or not examples:
        console.print("There are no examples, or no tests/nlu.yml to compare them with.")
        return
    dropped = near_duplicates(examples, tests, recipe.near_duplicate)
    for pair in dropped.values():
        console.print(f"{pair.similarity:5.1f}  {pair.training!r} ~ {pair.test!r}", markup=False)
    console.print(f"{len(dropped)} of {len(examples)} examples are left out of training.")

    from training.train import overlap  # torch, which a machine may lack

    nearest = overlap(without(examples, dropped), tests, recipe)
    shown = ", ".join(f"{q} {cosine:.2f}" for q, cosine in nearest.quantiles.items())
    console.print(f"Cosine of each test to its nearest other example, quantiles: {shown}.")
    for pair in nearest.pairs:
        console.print(f"{pair.similarity:.3f}  {pair.training!r} ~ {pair.test!r}", markup=False)


def show_heard(parts: Sequence[Sequence[Heard]], out: Path) -> None:
    """Print the scores of what was heard, of each part and of their mean where there are more."""
    scores = [strict(part) for part in parts]
    if len(scores) == 1:
        show_scores("of the project", scores[0])
    else:
        _show_folds(scores)
    _console().print(f"Reports are in {out}.", markup=False)


def show_trial(report: TrialReport) -> None:
    """Print the scores of both graphs, and what they were taken of."""
    console = _console()
    console.print(
        f"{report.train.file} ({report.train.examples} sentences) -> {report.test.file} "
        f"({report.test.examples}), seed {report.seed}",
        markup=False,
    )
    table = Table("", *report.scores)
    graphs = report.scores.values()
    table.add_row("intents", *(_percent(g.intents.accuracy) for g in graphs))
    table.add_row("  95 %", *(_range(g.intents.interval) for g in graphs))
    table.add_row("  macro F1", *(_percent(g.intents.macro_f1) for g in graphs))
    table.add_row("  weighted F1", *(_percent(g.intents.weighted_f1) for g in graphs))
    if any(g.entities.micro.support for g in graphs):
        table.add_row("entity F1, strict", *(_percent(g.entities.micro.f1) for g in graphs))
        table.add_row("  95 %", *(_range(g.entities.interval) for g in graphs))
    table.add_row("whole sentences", *(_percent(g.sentence_accuracy) for g in graphs))
    table.add_row("calibration error", *(_percent(g.calibration.ece) for g in graphs))
    console.print(table)


def _show_folds(scores: Sequence[Scores]) -> None:
    names = ("intents", "macro F1", "entity F1", "sentences")
    rows = [
        (each.intent_accuracy, each.intent_macro_f1, each.entities.f1, each.sentence_accuracy)
        for each in scores
    ]
    table = Table("fold", *names)
    for number, row in enumerate(rows, 1):
        table.add_row(str(number), *(f"{share:.1%}" for share in row))
    columns = list(zip(*rows, strict=True))
    table.add_section()
    table.add_row("mean", *(f"{mean(column):.1%}" for column in columns))
    table.add_row("spread", *(f"{stdev(column):.1%}" for column in columns))
    _console().print(table)


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _range(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{low:.1%} to {high:.1%}"


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
