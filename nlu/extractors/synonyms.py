"""Rasa's EntitySynonymMapper: what people write becomes the value that is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from nlu.parse import Entity


class Synonyms:
    """Surface forms, in any case, to values."""

    def __init__(self, synonyms: Mapping[str, str]) -> None:
        self._values = {surface.lower(): value for surface, value in synonyms.items()}

    def apply(self, entities: Iterable[Entity]) -> tuple[Entity, ...]:
        """The entities with the values meant."""
        return tuple(
            msgspec.structs.replace(entity, value=self._values[key])
            if (key := str(entity.value).lower()) in self._values
            else entity
            for entity in entities
        )
