"""Labelled sentences compared with what NLU makes of them, as Rasa tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.testing.heard import NO_ENTITY, NO_INTENT, Heard, finders, with_answers
from bot.testing.scores import Pair, report, with_confusions

Evaluation = dict[str, Any]


def evaluation(heard: Sequence[Heard]) -> Evaluation:
    """Intents, the entities of each extractor, and retrieval answers, each compared."""
    answers = with_answers(heard)
    return {
        "intent_evaluation": _intents(heard) if heard else None,
        "entity_evaluation": {name: _entities(heard, name) for name in sorted(finders(heard))}
        or None,
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


def _intents(heard: Sequence[Heard]) -> Evaluation:
    predictions: list[dict[str, Any]] = [
        {
            "text": each.example.text,
            "intent": each.intent,
            "predicted": each.answered,
            "confidence": each.sureness,
        }
        for each in heard
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


def _entities(heard: Sequence[Heard], extractor: str) -> Evaluation:
    """Word by word, as Rasa compares them."""
    pairs: list[Pair] = []
    errors = []
    for each in heard:
        found = each.found_by(extractor)
        words = list(each.words(found))
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


def _answers(heard: Sequence[Heard]) -> Evaluation:
    picked = [each.picked[0] for each in heard]
    pairs = [(each.example.intent, key) for each, key in zip(heard, picked, strict=True)]
    errors = [
        {
            "text": each.example.text,
            "intent_response_key_target": each.example.intent,
            "intent_response_key_prediction": {"name": key},
        }
        for each, key in zip(heard, picked, strict=True)
        if key != each.example.intent
    ]
    return {**_compared(pairs, NO_INTENT), "errors": errors}


def _compared(pairs: Sequence[Pair], nothing: str) -> Evaluation:
    found = report(pairs, leave_out=[nothing])
    return {"report": with_confusions(found, pairs), **averages(found, f1="f1_score")}
