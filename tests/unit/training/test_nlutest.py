"""Labelled sentences read by a whole pipeline, and the reports of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.dialogue.domain import Domain
from bot.model.nlu import open_understanding
from bot.project.load import load_project
from bot.project.project import Component, Config, Example, ExampleEntity, NluData, Project
from bot.testing.heard import Heard, in_parts, listen
from bot.testing.results import Wanted
from bot.testing.services import ScriptedNlu
from nlu.parse import Entity, Intent, Parse
from training.data import read_data
from training.nlutest import extractor_names, strict, write_nlu_results

STORYBOT = Path(__file__).parents[2] / "data" / "storybot"
DIET, REGEX = "DIETClassifier", "RegexEntityExtractor"


def heard(text: str, intent: str, answered: str | None, *spans: str, **more: Any) -> Heard:
    """``spans`` are expected; ``found`` are (span, extractor)."""
    found = more.pop("found", [])
    entities = tuple(
        ExampleEntity(text.index(span), text.index(span) + len(span), "colour", span)
        for span in spans
    )
    parsed = tuple(
        Entity("colour", span, text.index(span), text.index(span) + len(span), extractor=who)
        for span, who in found
    )
    example = Example(text, intent, entities)
    return Heard(example, Parse(text, Intent(answered, 0.9), parsed, (), **more))


SENTENCES = [
    heard("red hats", "order", "order", "red", found=[("red", DIET)]),
    heard("blue hats", "order", "greet", "blue", found=[("blue", REGEX)]),
    heard("pale green tea", "order", "order", "pale green", found=[("green", DIET)]),
    heard("hello", "greet", "greet"),
    heard("hm", "greet", None),
]


def written(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_bytes())


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_intents_have_a_report_and_what_was_wrong(tmp_path: Path):
    write_nlu_results(tmp_path, SENTENCES, Wanted())
    report = written(tmp_path, "intent_report.json")
    assert report["order"]["recall"] == 2 / 3
    assert report["order"]["confused_with"] == {"greet": 1}
    assert "" not in report
    assert report["accuracy"] == 3 / 5
    assert written(tmp_path, "intent_errors.json") == [
        {
            "text": "blue hats",
            "intent": "order",
            "intent_prediction": {"name": "greet", "confidence": 0.9},
        },
        {
            "text": "hm",
            "intent": "greet",
            "intent_prediction": {"name": "", "confidence": 0.9},
        },
    ]


@pytest.mark.parametrize("name", ["intent_report", "RegexEntityExtractor_report"])
async def test_the_reports_hold_rasas_numbers(name: str, tmp_path: Path):
    """What Rasa 3.6.21 wrote lies beside the data."""
    project = load_project(STORYBOT)
    data = read_data(STORYBOT / "labelled.yml")
    async with open_understanding(project, STORYBOT / "models") as nlu:
        found = await listen(nlu, in_parts(data.nlu.examples))
    write_nlu_results(tmp_path, found, Wanted(plot=False))
    theirs, ours = written(STORYBOT, f"rasa_nlu_{name}.json"), written(tmp_path, f"{name}.json")
    assert ours.keys() == theirs.keys()
    for key, row in theirs.items():
        if isinstance(row, dict):
            assert ours[key].pop("confused_with", {}) == row.pop("confused_with", {}), key
        assert ours[key] == pytest.approx(row), key


def test_entities_are_compared_word_by_word_for_each_extractor(tmp_path: Path):
    write_nlu_results(tmp_path, SENTENCES, Wanted())
    diet = written(tmp_path, f"{DIET}_report.json")["colour"]
    assert (diet["precision"], diet["recall"], diet["support"]) == (1.0, 2 / 4, 4)
    regex = written(tmp_path, f"{REGEX}_report.json")["colour"]
    assert (regex["precision"], regex["recall"]) == (1.0, 1 / 4)
    assert [row["text"] for row in written(tmp_path, f"{DIET}_errors.json")] == [
        "blue hats",
        "pale green tea",
    ]


def test_the_files_are_those_that_are_wanted(tmp_path: Path):
    write_nlu_results(tmp_path / "all", SENTENCES, Wanted(successes=True))
    assert names(tmp_path / "all") == [
        f"{DIET}_confusion_matrix.svg",
        f"{DIET}_errors.json",
        f"{DIET}_report.json",
        f"{DIET}_successes.json",
        f"{REGEX}_confusion_matrix.svg",
        f"{REGEX}_errors.json",
        f"{REGEX}_report.json",
        f"{REGEX}_successes.json",
        "intent_confusion_matrix.svg",
        "intent_errors.json",
        "intent_histogram.svg",
        "intent_report.json",
        "intent_successes.json",
    ]
    write_nlu_results(tmp_path / "few", SENTENCES, Wanted(errors=False, plot=False))
    assert names(tmp_path / "few") == [
        f"{DIET}_report.json",
        f"{REGEX}_report.json",
        "intent_report.json",
    ]


def test_an_extractor_that_finds_nothing_is_scored(tmp_path: Path):
    silent = [heard("red hats", "order", "order", "red")]
    write_nlu_results(tmp_path, silent, Wanted(plot=False), [DIET])
    assert written(tmp_path, f"{DIET}_report.json")["colour"]["recall"] == 0.0


def test_retrieval_answers_have_a_report_of_their_own(tmp_path: Path):
    answer = {"response": {"intent_response_key": "faq/place", "confidence": 0.7}}
    asked = heard("when", "faq/hours", "faq", response_selector={"faq": answer})
    write_nlu_results(tmp_path, [asked], Wanted())
    assert written(tmp_path, "intent_report.json")["accuracy"] == 1.0
    report = written(tmp_path, "response_selection_report.json")
    assert report["faq/hours"]["confused_with"] == {"faq/place": 1}
    assert written(tmp_path, "response_selection_errors.json") == [
        {
            "text": "when",
            "intent_response_key_target": "faq/hours",
            "intent_response_key_prediction": {"name": "faq/place", "confidence": 0.7},
        }
    ]


def test_strict_scores_want_every_end_of_an_entity_right():
    scores = strict(SENTENCES)
    assert scores.intent_accuracy == 0.6
    assert scores.entities.f1 == round(2 * 2 / (3 + 3), 4)


async def test_every_sentence_is_asked_and_keeps_its_place():
    examples = [Example(f"t{at}", "a") for at in range(70)]
    nlu = ScriptedNlu({e.text: Parse(e.text, Intent(e.text, 1.0)) for e in examples})
    found = await listen(nlu, in_parts(examples))
    assert [each.answered for each in found] == [example.text for example in examples]


def test_the_extractors_of_a_pipeline_are_those_that_sign():
    pipeline = [
        Component("CRFEntityExtractor"),
        Component("DIETClassifier", {"entity_recognition": False}),
        Component("RegexEntityExtractor"),
    ]
    project = Project("", Domain(), NluData(), (), Config(pipeline=tuple(pipeline)))
    assert extractor_names(project) == {"CRFEntityExtractor", REGEX}
