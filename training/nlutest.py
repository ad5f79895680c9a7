"""Labelled sentences read by a project's whole NLU, and the reports Rasa's `rasa test nlu` leaves.

An intent is compared without its retrieval answer, which has a report of its own. Entities are
compared word by word, for each extractor by itself, as Rasa does; the strict scores, in which
every end of an entity must be right, are those of ``training.evaluate``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bot.model.nlu import ENTITY_MODELS
from bot.project.project import Example, Project
from bot.testing.heard import NO_ENTITY, NO_INTENT, Heard, finders, with_answers
from bot.testing.meaning import full_intent
from bot.testing.pictures import confusion_matrix, histogram, standalone
from bot.testing.results import Wanted, write_json
from bot.testing.scores import Pair, report, with_confusions
from nlu.parse import Entity
from nlu.sentiment import spoken
from training.evaluate import Answer, Scores, score


def strict(heard: Sequence[Heard]) -> Scores:
    """Scores in which an answer is right or wrong, with intervals."""
    answers = [
        Answer(full_intent(each.parse) or NO_INTENT, 0, (), spoken(each.parse.entities))
        if "/" in each.example.intent
        else Answer(each.answered, 0, (), spoken(each.parse.entities))
        for each in heard
    ]
    return score([each.example for each in heard], answers)


def write_nlu_results(
    folder: Path, heard: Sequence[Heard], wanted: Wanted, extractors: Iterable[str] = ()
) -> None:
    """Write every report that ``heard`` gives cause for.

    Args:
        extractors: Those of the pipeline, which are scored though they found nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _intents(folder, heard, wanted)
    answers = with_answers(heard)
    if answers:
        _answers(folder, answers, wanted)
    annotated = any(each.example.entities for each in heard)
    for name in sorted({*finders(heard), *(extractors if annotated else ())}):
        _entities(folder, heard, name, wanted)


def extractor_names(project: Project) -> set[str]:
    """The extractors of a project's pipeline, as they sign what they find."""
    finders = [
        name
        for component in project.config.pipeline
        if (name := component.name.rsplit(".", 1)[-1]) in ENTITY_MODELS
        and component.options.get("entity_recognition", True)
    ]
    tables = {"RegexEntityExtractor"} if project.config.component("RegexEntityExtractor") else set()
    return {*finders[-1:], *tables}


def _intents(folder: Path, heard: Sequence[Heard], wanted: Wanted) -> None:
    rows = [
        {
            "text": each.example.text,
            "intent": each.intent,
            "intent_prediction": {
                "name": each.answered,
                "confidence": each.parse.intent.confidence,
            },
        }
        for each in heard
    ]
    pairs = [(each.intent, each.answered) for each in heard]
    sure = [each.sureness for each in heard]
    _named(folder, "intent", pairs, rows, wanted, sure)


def _answers(folder: Path, heard: Sequence[Heard], wanted: Wanted) -> None:
    picked = [each.picked for each in heard]
    rows = [
        {
            "text": each.example.text,
            "intent_response_key_target": each.example.intent,
            "intent_response_key_prediction": {"name": name, "confidence": confidence},
        }
        for each, (name, confidence) in zip(heard, picked, strict=True)
    ]
    pairs = [(each.example.intent, name) for each, (name, _) in zip(heard, picked, strict=True)]
    sure = [confidence for _, confidence in picked]
    _named(folder, "response_selection", pairs, rows, wanted, sure)


def _named(
    folder: Path,
    name: str,
    pairs: Sequence[Pair],
    rows: Sequence[dict[str, Any]],
    wanted: Wanted,
    sure: Sequence[float],
) -> None:
    """The report of ``name``, its right and wrong answers, its pictures."""
    found = report(pairs, leave_out=[NO_INTENT], only_expected=True)
    write_json(folder / f"{name}_report.json", with_confusions(found, pairs))
    right = [want == got for want, got in pairs]
    _listed(folder, name, rows, right, wanted)
    if wanted.plot:
        title = name.replace("_", " ").capitalize()
        _draw(folder / f"{name}_confusion_matrix.svg", confusion_matrix(pairs, title))
        hits = [value for value, ok in zip(sure, right, strict=True) if ok]
        misses = [value for value, ok in zip(sure, right, strict=True) if not ok]
        _draw(folder / f"{name}_histogram.svg", histogram(hits, misses, f"{title}: confidence"))


def _entities(folder: Path, heard: Sequence[Heard], extractor: str, wanted: Wanted) -> None:
    pairs: list[Pair] = []
    rows, right = [], []
    for each in heard:
        found = each.found_by(extractor)
        words = list(each.words(found))
        pairs += words
        if each.example.entities or found:
            rows.append(_entity_row(each.example, found))
            right.append(all(want == got for want, got in words))
    scores = report(pairs, leave_out=[NO_ENTITY])
    write_json(folder / f"{extractor}_report.json", with_confusions(scores, pairs, NO_ENTITY))
    _listed(folder, extractor, rows, right, wanted)
    if wanted.plot:
        picture = confusion_matrix(pairs, f"{extractor}: words")
        _draw(folder / f"{extractor}_confusion_matrix.svg", picture)


def _entity_row(example: Example, found: Sequence[Entity]) -> dict[str, Any]:
    told = [
        {key: value for key, value in msgspec.structs.asdict(entity).items() if value is not None}
        for entity in example.entities
    ]
    return {"text": example.text, "entities": told, "predicted_entities": list(found)}


def _listed(
    folder: Path,
    name: str,
    rows: Sequence[dict[str, Any]],
    right: Sequence[bool],
    wanted: Wanted,
) -> None:
    for part, kept in (("successes", wanted.successes), ("errors", wanted.errors)):
        chosen = [row for row, ok in zip(rows, right, strict=True) if ok == (part == "successes")]
        if kept and chosen:
            write_json(folder / f"{name}_{part}.json", chosen)


def _draw(path: Path, picture: str) -> None:
    path.write_text(standalone(picture), "utf-8")
