"""English numbers and ordinals in words: twenty-five, two hundred and one, a dozen, third."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nlu.grammar.chart import Item, Made, Rules
from nlu.grammar.numerals import Number
from nlu.grammar.tokens import Token

_ONES = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
ONES = {word: number for number, word in enumerate(_ONES.split(), 1)}
TENS = {word: number * 10 for number, word in enumerate(_TENS.split(), 2)} | {"fourty": 40}
SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
ORDINALS = {
    word: number
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
        "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth".split(),
        1,
    )
} | {"twentieth": 20, "thirtieth": 30, "hundredth": 100}

SUFFIXES = {"k": 1_000, "m": 1_000_000}


def number_words(text: str, tokens: Sequence[Token], start: int) -> list[Item]:
    """The number in words that begins at ``start``, in full: ``two hundred and one``."""
    total, current, end, at = 0, 0, start, start
    largest = 10**12  # scales only fall: two thousand hundred is no number
    fits = True  # whether tens and ones may follow, as after hundred and not after six
    if tokens[start].text == "a" and _word(tokens, start + 1) in SCALES:
        current, at, fits = 1, start + 1, False
    while at < len(tokens):
        small, after = _below_hundred(tokens, at)
        scale = SCALES.get(tokens[at].text, 0)
        if small and fits:
            current, fits, at = current + small, False, after
        elif scale == 100 and 0 < current < 100:
            current, fits, at = current * 100, True, at + 1
        elif scale > 100 and current and scale < largest:
            total, current, largest, fits, at = total + current * scale, 0, scale, True, at + 1
        elif tokens[at].text == "and" and fits and end > start:
            at += 1
            continue
        else:
            break
        end = at
    return [Item("num", Number(total + current), start, end)] if end > start else []


def _below_hundred(tokens: Sequence[Token], start: int) -> tuple[int, int]:
    """1 to 99 and where it ends; 0 and ``start`` where there is none."""
    word = _word(tokens, start)
    if word in ONES:
        return ONES[word], start + 1
    if word not in TENS:
        return 0, start
    after = start + 1 + (_word(tokens, start + 1) == "-")
    one = ONES.get(_word(tokens, after), 10)
    return (TENS[word] + one, after + 1) if one < 10 else (TENS[word], start + 1)


def _word(tokens: Sequence[Token], index: int) -> str:
    return tokens[index].text if index < len(tokens) else ""


WORDS: list[tuple[str, str, Any]] = [
    *((word, "ord", number) for word, number in ORDINALS.items()),
    ("zero", "num", Number(0)),
    ("a dozen", "num", Number(12)),
    ("dozen", "num", Number(12)),
    ("a couple", "num", Number(2)),
    ("a couple of", "num", Number(2)),
    ("couple of", "num", Number(2)),
    ("a pair of", "num", Number(2)),
    ("a few", "few", Number(3)),
    ("few", "few", Number(3)),
    ("a", "article", Number(1, one=True)),
    ("an", "article", Number(1, one=True)),
    *((word, "tens", number) for word, number in TENS.items()),
    *((suffix, "suffix", factor) for suffix, factor in SUFFIXES.items()),
]


def add_numbers(rules: Rules) -> None:
    """What numbers and ordinals are made of."""

    @rules.add("num =st|=nd|=rd|=th")
    def ordinal(number: Number) -> Made | None:
        return Made("ord", number.whole) if number.digits and number.whole else None

    @rules.add("tens =- ord", "tens ord")
    def tens_ordinal(tens: int, ones: int) -> Made | None:
        return Made("ord", tens + ones) if ones < 10 else None

    @rules.add("num suffix")
    def thousands(number: Number, factor: int) -> Made | None:
        return Made("bignum", Number(number.value * factor)) if number.value < 1000 else None

    @rules.add("num =dozen")
    def dozens(number: Number) -> Made:
        return Made("num", Number(number.value * 12))
