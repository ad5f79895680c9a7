"""Turns with entities that the training data hardly has, and values it does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from bot.project.project import NluData
from bot.review.item import Reason
from training.mining.seen import Found, Seen

FEW = 10  # examples of an entity, below which it is rare
RARE, UNKNOWN = 0.3, 0.15  # the most they count: most values that are new are found all the same
NEAR = 80.0  # similarity from which an unknown value may be a known one, misspelt


@dataclass(frozen=True, slots=True)
class Known:
    """What the data has of each entity: how many examples, and which values, in lower case."""

    examples: Mapping[str, int]
    values: Mapping[str, frozenset[str]]


def known(data: NluData) -> Known:
    """What ``data`` knows of entities; values of lookups and synonyms too."""
    spans = [span for example in data.examples for span in example.entities]
    values: dict[str, set[str]] = {span.entity: set() for span in spans}
    by_text = {
        (span.entity, example.text[span.start : span.end].casefold())
        for example in data.examples
        for span in example.entities
    }
    for entity, text in by_text:
        values[entity].add(text)
    for span in spans:
        values[span.entity].add(span.value.casefold())
    for lookup in data.lookups:
        values.setdefault(lookup.name, set()).update(each.casefold() for each in lookup.values)
    for text, value in data.synonyms.items():
        for found in values.values():
            if value.casefold() in found:
                found.add(text.casefold())
    return Known(
        Counter(span.entity for span in spans),
        {entity: frozenset(found) for entity, found in values.items()},
    )


def rare_entities(seen: Seen, data: Known) -> Iterator[Found]:
    """Turns with a rare entity or an unknown value."""
    for index, entities in enumerate(seen.entities):
        for entity in entities:
            examples = data.examples.get(entity.entity, 0)
            if examples < FEW:
                note = f"{entity.entity} has {examples} examples"
                yield Found(index, Reason("rare_entity", RARE * (1 - examples / FEW / 2), note))
                break
            value = str(entity.value)
            there = data.values.get(entity.entity, frozenset())
            if value.casefold() not in there:
                yield Found(
                    index, Reason("unknown_value", UNKNOWN, _unknown(entity.entity, value, there))
                )
                break


def _unknown(entity: str, value: str, there: frozenset[str]) -> str:
    near = process.extractOne(value.casefold(), sorted(there), scorer=fuzz.ratio, score_cutoff=NEAR)
    hint = f"; near {near[0]!r}" if near else ""
    return f"{entity} {value!r} is none of the {len(there)} values known{hint}"
