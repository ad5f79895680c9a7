"""The files that a conversation test leaves, named and laid out as Rasa's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bot.project.story_yaml import write_stories
from bot.testing.meaning import NOTHING
from bot.testing.outcome import Choice, Outcome
from bot.testing.pictures import confusion_matrix, standalone
from bot.testing.scores import report

FAILED = "failed_test_stories.yml"
PASSED = "successful_test_stories.yml"
WARNED = "stories_with_warnings.yml"
REPORT = "story_report.json"
MATRIX = "story_confusion_matrix.svg"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files are wanted beside the report."""

    successes: bool = False
    errors: bool = True
    warnings: bool = True
    plot: bool = True


def write_results(folder: Path, outcomes: Sequence[Outcome], wanted: Wanted) -> None:
    """Write what was found into ``folder``, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    failed = [outcome for outcome in outcomes if not outcome.passed]
    passed = [outcome for outcome in outcomes if outcome.passed]
    warned = [outcome for outcome in outcomes if outcome.warnings]
    if wanted.errors:
        _write(folder / FAILED, failed, "None of the test stories failed.")
    if wanted.warnings:
        _write(folder / WARNED, warned, "No warnings for test stories.")
    if wanted.successes:
        _write(folder / PASSED, passed, "None of the test stories succeeded.")
    write_json(folder / REPORT, story_report(outcomes))
    if wanted.plot:
        pairs = [(each.expected, each.predicted) for each in _choices(outcomes)]
        picture = confusion_matrix(pairs, "Actions: expected and predicted")
        (folder / MATRIX).write_text(standalone(picture), "utf-8")


def story_report(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Scores of every action (and of every intent and entity, where NLU was asked)."""
    every = [choice for each in outcomes for choice in (*each.choices, *each.meanings)]
    pairs = [(choice.expected, choice.predicted) for choice in every]
    right = sum(outcome.passed for outcome in outcomes)
    return {
        **report(pairs, leave_out=[NOTHING]),
        "conversation_accuracy": {
            "accuracy": right / len(outcomes) if outcomes else 0.0,
            "correct": right,
            "with_warnings": sum(bool(outcome.warnings) for outcome in outcomes),
            "total": len(outcomes),
        },
    }


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` for people and programs to read."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def _choices(outcomes: Iterable[Outcome]) -> Iterator[Choice]:
    return (choice for outcome in outcomes for choice in outcome.choices)


def _write(path: Path, outcomes: Sequence[Outcome], otherwise: str) -> None:
    stories = [outcome.written() for outcome in outcomes]
    path.write_text(write_stories(stories) if stories else f"# {otherwise}\n", "utf-8")
