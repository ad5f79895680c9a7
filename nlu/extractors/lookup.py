"""Entities by list: the lookup tables of a project whose name is an entity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from nlu.extractors.base import EXTRACTOR
from nlu.parse import Entity
from nlu.phrases import Phrases

if TYPE_CHECKING:
    from nlu.extractors.fuzzy import FuzzyPhrases


class LookupExtractor:
    """Every listed value that occurs, as whole words unless told otherwise; with ``fuzzy`` also
    what is nearly one."""

    exact = False

    def __init__(
        self,
        lookups: Mapping[str, Iterable[str]],
        *,
        case_sensitive: bool = False,
        whole_words: bool = True,
        fuzzy: bool = False,
    ) -> None:
        tables = {name: tuple(values) for name, values in lookups.items()}
        self._tables = {
            name: Phrases(
                values, case_sensitive=case_sensitive, whole_words=whole_words, spaceless=True
            )
            for name, values in tables.items()
        }
        self._fuzzy = _fuzzy_of(tables) if fuzzy else {}

    def extract(self, text: str) -> list[Entity]:
        """What is listed in ``text``, table after table, overlaps included. What is mistyped has
        the value of the list."""
        found = []
        for name, phrases in self._tables.items():
            places = [(start, end) for _, start, end in phrases.find(text)]
            found += [_entity(name, text[start:end], start, end) for start, end in places]
            if fuzzy := self._fuzzy.get(name):
                nears = fuzzy.find(text, places)
                found += [_entity(name, near.value, near.start, near.end) for near in nears]
        return found


def _fuzzy_of(tables: Mapping[str, Iterable[str]]) -> dict[str, FuzzyPhrases]:
    from nlu.extractors.fuzzy import FuzzyPhrases  # its library is large, and few ask for it

    return {name: FuzzyPhrases(values) for name, values in tables.items()}


def _entity(name: str, value: str, start: int, end: int) -> Entity:
    return Entity(name, value, start, end, extractor=EXTRACTOR)
