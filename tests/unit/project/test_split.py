"""Sentences dealt into two parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.errors import ParleyError
from bot.project.convert import read_nlu
from bot.project.project import Example, NluData
from bot.project.report import Report
from bot.project.split import split

EXAMPLES = tuple(
    Example(f"{intent} {at}", intent)
    for intent, count in (("a", 10), ("b", 5), ("c", 1))
    for at in range(count)
)
DATA = NluData(EXAMPLES, {"crimson": "red"})


def test_each_intent_is_dealt_by_its_share_and_none_is_lost():
    learnt, tested = split(DATA, fraction=0.8, seed=1)
    assert [e.intent for e in tested.examples] == ["a", "a", "b"]
    assert sorted(e.text for e in learnt.examples + tested.examples) == sorted(
        e.text for e in EXAMPLES
    )


def test_an_intent_with_one_example_is_learnt():
    learnt, _ = split(DATA, fraction=0.0, seed=1)
    assert [e.intent for e in learnt.examples] == ["a", "b", "c"]


def test_the_seed_decides():
    parts = [split(DATA, fraction=0.5, seed=seed)[0].examples for seed in (1, 1, 2)]
    assert parts[0] == parts[1] != parts[2]


def test_synonyms_go_with_what_is_learnt():
    learnt, tested = split(DATA, fraction=0.8, seed=1)
    assert (learnt.synonyms, tested.synonyms) == ({"crimson": "red"}, {})


def run(*words: str | Path) -> str:
    result = CliRunner().invoke(app, ["split", "nlu", *map(str, words)])
    if isinstance(result.exception, ParleyError):
        return str(result.exception)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_two_files_are_read_as_what_was_split(tmp_path: Path):
    source = Path(__file__).parents[2] / "data" / "tablebot" / "data" / "nlu.yml"
    assert "examples" in run("--nlu", source, "--out", tmp_path, "--training-fraction", "0.5")
    whole = read_nlu([source], Report()).examples
    files = [tmp_path / "training_data.yml", tmp_path / "test_data.yml"]
    parts = [read_nlu([file], Report()).examples for file in files]

    def told(examples: tuple[Example, ...]) -> list[object]:
        return sorted((e.text, e.intent, repr(e.entities)) for e in examples)

    assert told(parts[0] + parts[1]) == told(whole)


@pytest.mark.parametrize("words", [("--nlu", "nowhere.yml"), ("--project", "nowhere")])
def test_what_cannot_be_split_is_said(words: tuple[str, ...]):
    assert "nowhere" in run(*words)
