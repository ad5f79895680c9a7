"""Entities by pattern: the regexes of a project whose name is an entity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import monotonic

import regex
import structlog

from nlu.errors import NluError
from nlu.extractors.base import EXTRACTOR
from nlu.parse import Entity

MOST_CHARACTERS = 1024
"""Of a longer text the rest is not searched."""
MOST_S = 0.1
"""For all patterns over one text. A pattern such as ``(a|aa)+$`` takes exponential time on some
texts; then what was found so far counts and the server goes on."""

log = structlog.get_logger(__name__)


class RegexExtractor:
    """Every match of every pattern."""

    exact = True

    def __init__(
        self, regexes: Mapping[str, Iterable[str]], *, case_sensitive: bool = False
    ) -> None:
        flags = 0 if case_sensitive else regex.IGNORECASE
        self._patterns = [
            (name, _compiled(name, pattern, flags))
            for name, patterns in regexes.items()
            for pattern in patterns
        ]

    def extract(self, text: str) -> list[Entity]:
        """What matches in ``text``, pattern after pattern; empty matches count for nothing."""
        found: list[Entity] = []
        deadline = monotonic() + MOST_S
        for name, pattern in self._patterns:
            left_s = max(0.001, deadline - monotonic())
            try:
                for match in pattern.finditer(text, 0, MOST_CHARACTERS, timeout=left_s):
                    if match[0]:
                        start, end = match.span()
                        found.append(Entity(name, match[0], start, end, extractor=EXTRACTOR))
            except TimeoutError:
                log.warning("regex.too_slow", entity=name, pattern=pattern.pattern)
        return found


def _compiled(name: str, pattern: str, flags: int) -> regex.Pattern[str]:
    try:
        return regex.compile(pattern, flags)
    except (regex.error, RecursionError, OverflowError) as error:
        raise NluError(f"regex {name!r}: {pattern!r} is no pattern: {error}.") from error
