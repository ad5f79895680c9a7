"""Labelled sentences and what NLU made of them, to be compared as Rasa compares them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.project.project import Example, ExampleEntity
from bot.testing.scores import Pair
from nlu.parse import Entity, Parse, Understanding
from nlu.sentiment import spoken

NO_INTENT = ""  # as Rasa writes it in reports
NO_ENTITY = "no_entity"
TOGETHER = 16  # sentences asked of NLU at a time; on a server, messages of users come between
WORD = re.compile(r"\w+(?:[-.]\w+)*")


@dataclass(frozen=True, slots=True)
class Heard:
    """A labelled sentence, and what NLU made of it."""

    example: Example
    parse: Parse

    @property
    def intent(self) -> str:
        """The intent it should have, without a retrieval answer."""
        return self.example.intent.partition("/")[0]

    @property
    def answered(self) -> str:
        """The intent it was given."""
        return self.parse.intent.name or NO_INTENT

    @property
    def sureness(self) -> float:
        """How sure that was."""
        return self.parse.intent.confidence

    @property
    def picked(self) -> tuple[str, float]:
        """The retrieval answer chosen, and how surely."""
        selector = self.parse.response_selector
        found = selector.get(self.answered) or selector.get("default") or {}
        response = found.get("response") or {}
        key = response.get("intent_response_key")
        return str(key or NO_INTENT), float(response.get("confidence") or 0.0)

    def found_by(self, extractor: str) -> list[Entity]:
        """The entities that ``extractor`` found."""
        return [entity for entity in self.parse.entities if entity.extractor == extractor]

    def words(self, found: Sequence[Entity]) -> Iterator[Pair]:
        """The entity of each word: as labelled, and as ``found``."""
        for word in WORD.finditer(self.example.text):
            yield _label(word, self.example.entities), _label(word, found)


async def listen(nlu: Understanding, parts: Iterable[Sequence[Example]]) -> list[Heard]:
    """What ``nlu`` makes of the examples in ``parts``, one part at a time."""
    heard: list[Heard] = []
    for part in parts:
        parses = await asyncio.gather(*(nlu.parse(example.text) for example in part))
        heard += [Heard(*pair) for pair in zip(part, parses, strict=True)]
    return heard


def in_parts(examples: Sequence[Example]) -> list[Sequence[Example]]:
    """``examples`` as many at a time as are asked together."""
    return [examples[at : at + TOGETHER] for at in range(0, len(examples), TOGETHER)]


def with_answers(heard: Iterable[Heard]) -> list[Heard]:
    """Those labelled with a retrieval answer."""
    return [each for each in heard if "/" in each.example.intent]


def finders(heard: Iterable[Heard]) -> set[str]:
    """Who found anything."""
    return {e.extractor for each in heard for e in spoken(each.parse.entities) if e.extractor}


def _label(word: re.Match[str], entities: Sequence[Entity | ExampleEntity]) -> str:
    inside = (e.entity for e in entities if e.start < word.end() and word.start() < e.end)
    return next(inside, NO_ENTITY)
