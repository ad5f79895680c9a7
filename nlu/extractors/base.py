"""What an extractor is, and how its finds and the model's become one list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from nlu.parse import Entity


class Extractor(Protocol):
    """Finds entities by other means than the model."""

    exact: bool
    """Whether what it finds is surer than the model where both speak (a pattern is, a list of
    words is not)."""

    def extract(self, text: str) -> list[Entity]:
        """What is in ``text``, at code points of it; never raises for anything a user wrote."""
        ...


def merge(
    text: str,
    from_model: Sequence[Entity],
    extractors: Iterable[Extractor],
    measures: Iterable[Entity] = (),
) -> tuple[Entity, ...]:
    """What all found, in the order of the text.

    One rule: of finds that overlap the surest stays. The surest is a measure (what the grammar or
    a Duckling server finds), then an exact pattern, then the model, then a list; of equals the
    longer, then the earlier. It has two limits:

    1. a measure competes only with finds of its own name, and stands beside all others, as in
       Rasa;
    2. a pattern counts as exact only if it covers all it touches of the model's, and each is of
       the same entity or shorter. Otherwise the model wins.

    A role or group that the model saw is kept by what takes the place.
    """
    kept = _without_overlaps(text, from_model, extractors)
    longest = sorted(measures, key=lambda entity: (entity.start - entity.end, entity.start))
    standing: list[Entity] = []
    for entity in longest:
        if not any(_competes(entity, other) for other in standing):
            beaten = [other for other in kept if _competes(entity, other)]
            standing.append(_with_role(entity, beaten))
            kept = [other for other in kept if other not in beaten]
    return tuple(sorted((*kept, *standing), key=lambda entity: (entity.start, entity.end)))


def _without_overlaps(
    text: str, from_model: Sequence[Entity], extractors: Iterable[Extractor]
) -> list[Entity]:
    """The model's finds and those of patterns and lists."""
    kept = list(from_model)
    found: list[tuple[bool, Entity]] = []
    for extractor in extractors:
        for entity in extractor.extract(text):
            touched = [other for other in from_model if _overlap(entity, other)]
            if not touched:
                found.append((extractor.exact, entity))
            elif extractor.exact and all(_outdoes(entity, other) for other in touched):
                found.append((True, _with_role(entity, touched)))
    found.sort(key=lambda pair: (not pair[0], pair[1].start - pair[1].end, pair[1].start))
    for exact, entity in found:
        touched = [other for other in kept if _overlap(entity, other)]
        if not touched or (exact and all(other in from_model for other in touched)):
            kept = [*(other for other in kept if other not in touched), entity]
    return kept


def _competes(one: Entity, other: Entity) -> bool:
    return one.entity == other.entity and _overlap(one, other)


def _overlap(one: Entity, other: Entity) -> bool:
    return one.start < other.end and other.start < one.end


def _outdoes(exact: Entity, other: Entity) -> bool:
    covers = exact.start <= other.start and other.end <= exact.end
    longer = exact.end - exact.start > other.end - other.start
    return covers and (longer or exact.entity == other.entity)


def _with_role(entity: Entity, touched: Sequence[Entity]) -> Entity:
    same = next((other for other in touched if other.entity == entity.entity), None)
    if same is None:
        return entity
    return msgspec.structs.replace(entity, role=same.role, group=same.group)
