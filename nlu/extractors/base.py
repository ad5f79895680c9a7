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
    text: str, from_model: Sequence[Entity], extractors: Iterable[Extractor]
) -> tuple[Entity, ...]:
    """The model's entities and the extractors' without overlaps, in the order of the text.

    Where spans overlap:

    1. an exact find wins over the model if it covers all it touches of the model's, and each is
       of the same entity or shorter; a role or group the model saw is kept;
    2. otherwise the model wins;
    3. among extractors the exact, then the longer, then the earlier wins.
    """
    kept = list(from_model)
    found: list[tuple[bool, Entity]] = []
    for extractor in extractors:
        for entity in extractor.extract(text):
            touched = [other for other in from_model if _overlap(entity, other)]
            if not touched:
                found.append((extractor.exact, entity))
            elif extractor.exact and all(_outdoes(entity, other) for other in touched):
                found.append((True, _with_role(entity, touched)))
                kept = [other for other in kept if other not in touched]
    found.sort(key=lambda pair: (not pair[0], pair[1].start - pair[1].end, pair[1].start))
    for _, entity in found:
        if not any(_overlap(entity, other) for other in kept):
            kept.append(entity)
    return tuple(sorted(kept, key=lambda entity: (entity.start, entity.end)))


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
