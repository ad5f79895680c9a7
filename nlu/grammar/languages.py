"""A grammar for a locale: which words it knows, and what figures mean there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from nlu.grammar.chart import Lexicon, Made, Reader, Rules
from nlu.grammar.chinese.language import WORDS as CHINESE_WORDS
from nlu.grammar.chinese.language import add_chinese
from nlu.grammar.chinese.numbers import number_characters
from nlu.grammar.clock import Clock, Moment
from nlu.grammar.english.amounts import add_amounts, currencies
from nlu.grammar.english.language import WORDS as ENGLISH_WORDS
from nlu.grammar.english.language import add_english
from nlu.grammar.english.numbers import number_words
from nlu.grammar.grammar import Grammar, Language
from nlu.grammar.numerals import FigureReader
from nlu.grammar.numeric import NumericReader
from nlu.grammar.when import MonthDay

REGIONS = {"en": "US", "zh": "CN", "ja": "JP", "sv": "SE", "da": "DK", "cs": "CZ", "ko": "KR"}
"""The region of a language where a locale names none; of others it is the language's letters."""
MONTH_FIRST = frozenset({"US", "PH", "CN", "TW", "HK", "JP", "KR", "CA", "HU", "LT"})
DECIMAL_POINT = frozenset({"en", "zh", "ja", "ko", "th", "he"})
WORDED = ("en", "zh")
"""Languages whose words are known; of others figures and signs are."""


def parts_of(locale: str) -> tuple[str, str]:
    """Language and region of ``en_GB``, ``zh-Hans-CN`` or ``de``."""
    language, *rest = locale.replace("-", "_").split("_")
    language = language.lower() or "en"
    regions = [part.upper() for part in rest if len(part) == 2]
    return language, regions[0] if regions else REGIONS.get(language, language.upper())


@lru_cache(maxsize=32)
def grammar_for(locale: str, *, latent: bool = False) -> Grammar:
    """The grammar of a locale."""
    language, region = parts_of(locale)
    figures: list[Reader] = [
        FigureReader(decimal_comma=language not in DECIMAL_POINT),
        NumericReader(day_first=region not in MONTH_FIRST),
    ]
    if language not in WORDED:
        return Grammar([_signs(region, figures)], region=region, latent=latent)
    languages = [_english(region, figures), _chinese(figures)]
    return Grammar(languages, region=region, latent=latent)


def _english(region: str, figures: Sequence[Reader]) -> Language:
    rules = Rules()
    add_english(rules)
    lexicon = Lexicon([*ENGLISH_WORDS, *currencies(region)], rules.words)
    return Language(lexicon, {"0": figures, "a": [number_words]}, rules)


def _chinese(figures: Sequence[Reader]) -> Language:
    rules = Rules()
    add_chinese(rules)
    lexicon = Lexicon(CHINESE_WORDS, rules.words)
    return Language(lexicon, {"0": figures, "一": [number_characters]}, rules, chinese=True)


def _signs(region: str, figures: Sequence[Reader]) -> Language:
    """What is understood without any language: 24.12.2026 18:30, 25 €."""
    rules = Rules()
    add_amounts(rules)

    @rules.add("monthday")
    def day(day: MonthDay) -> Made:
        return Made("day", day)

    @rules.add("day [=,] clock")
    def day_clock(day: MonthDay, clock: Clock) -> Made:
        return Made("moment", Moment(day, clock))

    return Language(Lexicon(currencies(region), rules.words), {"0": figures}, rules)
