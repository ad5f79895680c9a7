"""Entities by pattern: the regexes of a project whose name is an entity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from nlu.errors import NluError
from nlu.parse import Entity

MOST_CHARACTERS = 1024
"""Of a longer text the rest is not searched: ``\\S+@\\S+`` and the like take the square or the cube
of the length, and nothing can stop a search once begun."""


class RegexExtractor:
    """Every match of every pattern."""

    exact = True

    def __init__(
        self, regexes: Mapping[str, Iterable[str]], *, case_sensitive: bool = False
    ) -> None:
        flags = 0 if case_sensitive else re.IGNORECASE
        self._patterns = [
            (name, _compiled(name, pattern, flags))
            for name, patterns in regexes.items()
            for pattern in patterns
        ]

    def extract(self, text: str) -> list[Entity]:
        """What matches in ``text``, pattern after pattern; empty matches count for nothing."""
        return [
            Entity(
                entity=name,
                value=match[0],
                start=match.start(),
                end=match.end(),
                extractor="RegexEntityExtractor",
            )
            for name, pattern in self._patterns
            for match in pattern.finditer(text, 0, MOST_CHARACTERS)
            if match[0]
        ]


def _compiled(name: str, pattern: str, flags: int) -> re.Pattern[str]:
    try:
        return re.compile(pattern, flags)
    except (re.error, RecursionError, OverflowError) as error:
        raise NluError(f"regex {name!r}: {pattern!r} is no pattern: {error}.") from error
