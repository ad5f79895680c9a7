"""Entities by list: the lookup tables of a project whose name is an entity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nlu.parse import Entity
from nlu.phrases import Phrases


class LookupExtractor:
    """Every listed value that occurs, as whole words unless told otherwise."""

    exact = False

    def __init__(
        self,
        lookups: Mapping[str, Iterable[str]],
        *,
        case_sensitive: bool = False,
        whole_words: bool = True,
    ) -> None:
        self._tables = {
            name: Phrases(values, case_sensitive=case_sensitive, whole_words=whole_words)
            for name, values in lookups.items()
        }

    def extract(self, text: str) -> list[Entity]:
        """What is listed in ``text``, table after table, overlaps included."""
        return [
            Entity(
                entity=name,
                value=text[start:end],
                start=start,
                end=end,
                extractor="RegexEntityExtractor",
            )
            for name, phrases in self._tables.items()
            for _, start, end in phrases.find(text)
        ]
