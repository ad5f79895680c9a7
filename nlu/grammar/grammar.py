"""Everything the rules find in a text, without overlaps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from nlu.grammar.calendar import Reference
from nlu.grammar.chart import Item, Lexicon, Reader, Rules, read
from nlu.grammar.clock import DayPart, Part
from nlu.grammar.guards import holds
from nlu.grammar.numerals import tidy
from nlu.grammar.places import scan
from nlu.grammar.shape import amount_value, duration_value, number_value, time_value
from nlu.grammar.tokens import Token, cuts_word, plain, tokens_of

TIME, NUMBER, ORDINAL, DURATION = "time", "number", "ordinal", "duration"
MONEY, PHONE, EMAIL, URL = "amount-of-money", "phone-number", "email", "url"
ORDER = "order-number"
DIMENSIONS = (TIME, DURATION, MONEY, NUMBER, ORDINAL, PHONE, EMAIL, URL, ORDER)
"""What is looked for; all but the last are Duckling's names."""

_DIMENSION = {
    "day": TIME,
    "moment": TIME,
    "daypart": TIME,
    "interval": TIME,
    "domday": TIME,
    "clockrange": TIME,
    "clock": TIME,
    "open": TIME,
    "duration": DURATION,
    "durationrange": DURATION,
    "money": MONEY,
    "coins": MONEY,
    "moneyrange": MONEY,
    "num": NUMBER,
    "bignum": NUMBER,
    "hannum": NUMBER,
    "scaled": NUMBER,
    "ord": ORDINAL,
}
_RANK = {kind: rank for rank, kind in enumerate(_DIMENSION)}
"""Of two readings of the same words the first counts: 5-6 pm is a range before it is a clock."""
_LATENT = {"hour": TIME, "hhmm": TIME, "part": TIME, "barerange": TIME}
_BESIDE = ({NUMBER, PHONE}, {NUMBER, ORDER}, {PHONE, ORDER})
"""Dimensions that may both be meant by the same figures."""


class Found(NamedTuple):
    """A find: where it is and what it says, in Duckling's shape."""

    dimension: str
    start: int
    end: int
    value: dict[str, Any]


class _Candidate(NamedTuple):
    dimension: str
    start: int
    end: int
    rank: int
    value: Callable[[], dict[str, Any] | None]


class _Taken:
    """Which parts of a text are spoken for, also by what proves to be none: 29 February 2027."""

    def __init__(self, length: int) -> None:
        self._covered = bytearray(length)
        self._whole: dict[tuple[int, int], set[str]] = {}

    def take(self, each: _Candidate) -> bool:
        """Whether ``each`` may stand; then its part is taken."""
        place = each.start, each.end
        here = self._whole.setdefault(place, set())
        if any(self._covered[each.start : each.end]):
            beside = bool(here) and all({each.dimension, other} in _BESIDE for other in here)
            here |= {each.dimension} if beside else set()
            return beside
        self._covered[each.start : each.end] = b"\1" * (each.end - each.start)
        here.add(each.dimension)
        return True


class Language(NamedTuple):
    """Words and rules; ``chinese`` tells that only texts with Chinese characters need them."""

    lexicon: Lexicon
    readers: Mapping[str, Sequence[Reader]]
    rules: Rules
    chinese: bool = False


class Grammar:
    """Finds what it has rules for; never raises for any text, in time linear in it."""

    def __init__(self, languages: Sequence[Language], *, region: str, latent: bool = False) -> None:
        self._languages, self._region = languages, region
        self._kinds = _DIMENSION | (_LATENT if latent else {})

    def find(
        self, text: str, now: Reference, dimensions: Collection[str] = DIMENSIONS
    ) -> list[Found]:
        """What is in ``text``, in its order. The longer of two that overlap counts, among those
        of the wanted ``dimensions``."""
        lowered = plain(text)
        candidates = list(self._candidates(lowered, now, dimensions))
        candidates.sort(key=lambda each: (each.start - each.end, each.start, each.rank))
        taken = _Taken(len(text))
        found = [
            Found(each.dimension, each.start, each.end, value)
            for each in candidates
            if taken.take(each) and (value := each.value())
        ]
        found.sort(key=lambda each: (each.start, each.end))
        return found

    def _candidates(
        self, text: str, now: Reference, dimensions: Collection[str]
    ) -> Iterator[_Candidate]:
        for dimension, start, end, value in scan(text, self._region):
            if dimension in dimensions:
                yield _Candidate(dimension, start, end, -1, partial(_known, value))
        tokens = tokens_of(text)
        chinese = not text.isascii() and any("〇" <= token.text[0] <= "鿿" for token in tokens)
        for language in self._languages:
            if chinese or not language.chinese:
                for item in self._readings(language, text, tokens):
                    yield from self._candidate(item, text, tokens, now, dimensions)

    def _readings(self, language: Language, text: str, tokens: Sequence[Token]) -> Iterator[Item]:
        """What the rules make of the text and the words around it bear out."""
        items = read(
            text,
            tokens,
            lexicon=language.lexicon,
            readers=language.readers,
            rules=language.rules,
        )
        blocks = [item for item in items if item.kind == "block"]
        for item in items:
            blocked = blocks and any(_within_or_across(item, block) for block in blocks)
            if item.kind in self._kinds and not blocked and holds(item, tokens):
                yield item

    def _candidate(
        self,
        item: Item,
        text: str,
        tokens: Sequence[Token],
        now: Reference,
        dimensions: Collection[str],
    ) -> Iterator[_Candidate]:
        dimension = self._kinds[item.kind]
        start, end = tokens[item.start].start, tokens[item.end - 1].end
        if dimension in dimensions and not cuts_word(text, start, end):
            rank = _RANK.get(item.kind, len(_RANK))
            yield _Candidate(dimension, start, end, rank, _valuer(dimension, item, now))


def _within_or_across(item: Item, block: Item) -> bool:
    """Whether ``item`` takes part of a phrase that means something else, but not all and more."""
    if item.end <= block.start or block.end <= item.start:
        return False
    covers = item.start <= block.start and block.end <= item.end
    return not covers or item.end - item.start == block.end - block.start


def _known(value: dict[str, Any]) -> dict[str, Any]:
    return value


def _valuer(dimension: str, item: Item, now: Reference) -> Callable[[], dict[str, Any] | None]:
    value = item.value
    match dimension:
        case "time":
            when = DayPart(value) if isinstance(value, Part) else value
            return lambda: time_value(when, now)
        case "duration":
            return lambda: duration_value(value)
        case "amount-of-money":
            return lambda: amount_value(value)
        case "ordinal":
            return lambda: number_value(value)
        case _:
            return lambda: number_value(tidy(value.value))
