"""What an extractor is, and how its finds and the model's become one list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from nlu.parse import Entity

EXTRACTOR = "RegexEntityExtractor"  # what finds a pattern, or a value of a list


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
    """What all found, in the order of the text; in one place measures come last.

    One rule: of finds that overlap the surest stays. The surest is a measure (what the grammar or
    a Duckling server finds), then an exact pattern, then the model, then a list; of equals the
    longer, then the earlier. It has two limits:

    1. a measure competes only with finds of its own name, and stands beside all others, as in
       Rasa;
    2. a pattern is surer than the model only if it covers all it touches of the model's, and each
       is of the same entity or shorter.

    A role or group that the model saw is kept by what takes the place.
    """
    ranked: list[tuple[int, Entity]] = [(_MEASURE, entity) for entity in measures]
    ranked += ((_MODEL, entity) for entity in from_model)
    for extractor in extractors:
        for entity in extractor.extract(text):
            ranked.append((_surety(extractor, entity, from_model), entity))
    ranked.sort(key=lambda pair: (pair[0], pair[1].start - pair[1].end, pair[1].start))
    kept: list[tuple[bool, Entity]] = []
    for rank, entity in ranked:
        each = (rank == _MEASURE, entity)
        if not any(_compete(each, other) for other in kept):
            kept.append(each)
    kept.sort(key=lambda each: (each[1].start, each[1].end, each[0]))
    return tuple(_with_role(entity, from_model) for _, entity in kept)


_MEASURE, _EXACT, _MODEL, _PATTERN, _LIST = range(5)  # the surest first


def _surety(extractor: Extractor, entity: Entity, from_model: Sequence[Entity]) -> int:
    if not extractor.exact:
        return _LIST
    touched = (other for other in from_model if _overlap(entity, other))
    return _EXACT if all(_outdoes(entity, other) for other in touched) else _PATTERN


def _compete(one: tuple[bool, Entity], other: tuple[bool, Entity]) -> bool:
    alike = one[1].entity == other[1].entity or not (one[0] or other[0])
    return alike and _overlap(one[1], other[1])


def _overlap(one: Entity, other: Entity) -> bool:
    return one.start < other.end and other.start < one.end


def _outdoes(exact: Entity, other: Entity) -> bool:
    covers = exact.start <= other.start and other.end <= exact.end
    longer = exact.end - exact.start > other.end - other.start
    return covers and (longer or exact.entity == other.entity)


def _with_role(entity: Entity, from_model: Sequence[Entity]) -> Entity:
    """``entity`` with the role and group that the model saw in its place."""
    if entity in from_model:
        return entity
    same = (other for other in from_model if other.entity == entity.entity)
    seen = next((other for other in same if _overlap(entity, other)), None)
    if seen is None:
        return entity
    return msgspec.structs.replace(entity, role=seen.role, group=seen.group)
