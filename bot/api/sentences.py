"""Labelled sentences compared with what NLU makes of them, as Rasa tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.project.project import Example, ExampleEntity
from bot.testing.scores import Pair, report, with_confusions
from nlu.parse import Entity, Parse

NO_INTENT = ""
NO_ENTITY = "no_entity"
WORD = re.compile(r"\w+(?:[-'.]\w+)*")
Evaluation = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """A labelled sentence, and what NLU made of it."""

    example: Example
    parse: Parse

    @property
    def wanted(self) -> str:
        """The intent it should have, without a retrieval answer."""
        return self.example.intent.partition("/")[0]


def evaluation(sentences: Sequence[Read]) -> Evaluation:
    """Intents, the entities of each extractor, and retrieval answers, each compared."""
    finders = sorted(
        {e.extractor for each in sentences for e in each.parse.entities if e.extractor}
    )
    answers = [each for each in sentences if "/" in each.example.intent]
    return {
        "intent_evaluation": _intents(sentences) if sentences else None,
        "entity_evaluation": {name: _entities(sentences, name) for name in finders} or None,
        "response_selection_evaluation": _answers(answers) if answers else None,
    }


def averages(found: Evaluation, *, f1: str) -> Evaluation:
    """The main figures of a report."""
    average = found.get("weighted avg", {})
    return {
        "precision": average.get("precision"),
        f1: average.get("f1-score"),
        "accuracy": found.get("accuracy"),
    }


def _intents(sentences: Sequence[Read]) -> Evaluation:
    predictions: list[dict[str, Any]] = [
        {
            "text": each.example.text,
            "intent": each.wanted,
            "predicted": each.parse.intent.name or NO_INTENT,
            "confidence": each.parse.intent.confidence,
        }
        for each in sentences
    ]
    errors = [
        {
            "text": row["text"],
            "intent": row["intent"],
            "intent_prediction": {"name": row["predicted"], "confidence": row["confidence"]},
        }
        for row in predictions
        if row["intent"] != row["predicted"]
    ]
    pairs = [(row["intent"], row["predicted"]) for row in predictions]
    return {"predictions": predictions, **_compared(pairs, NO_INTENT), "errors": errors}


def _entities(sentences: Sequence[Read], extractor: str) -> Evaluation:
    """Word by word, as Rasa compares them."""
    pairs: list[Pair] = []
    errors = []
    for each in sentences:
        found = [entity for entity in each.parse.entities if entity.extractor == extractor]
        words = list(_words(each.example, found))
        pairs += words
        if any(wanted != got for wanted, got in words):
            errors.append(
                {
                    "text": each.example.text,
                    "entities": each.example.entities,
                    "predicted_entities": found,
                }
            )
    return {**_compared(pairs, NO_ENTITY), "errors": errors}


def _answers(sentences: Sequence[Read]) -> Evaluation:
    picked = [_picked(each.parse) for each in sentences]
    pairs = [(each.example.intent, key) for each, key in zip(sentences, picked, strict=True)]
    errors = [
        {
            "text": each.example.text,
            "intent_response_key_target": each.example.intent,
            "intent_response_key_prediction": {"name": key},
        }
        for each, key in zip(sentences, picked, strict=True)
        if key != each.example.intent
    ]
    return {**_compared(pairs, NO_INTENT), "errors": errors}


def _picked(parse: Parse) -> str:
    selectors = parse.response_selector
    found = selectors.get(parse.intent.name or "") or selectors.get("default") or {}
    return str((found.get("response") or {}).get("intent_response_key") or NO_INTENT)


def _compared(pairs: Sequence[Pair], nothing: str) -> Evaluation:
    found = report(pairs, leave_out=[nothing])
    return {"report": with_confusions(found, pairs), **averages(found, f1="f1_score")}


def _words(example: Example, found: Sequence[Entity]) -> Iterator[Pair]:
    """The entity of each word: wanted and found."""
    for word in WORD.finditer(example.text):
        yield _label(word, example.entities), _label(word, found)


def _label(word: re.Match[str], entities: Sequence[Entity | ExampleEntity]) -> str:
    inside = (e.entity for e in entities if e.start < word.end() and word.start() < e.end)
    return next(inside, NO_ENTITY)
