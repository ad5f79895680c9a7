"""Chinese, ready to be read with."""

from __future__ import annotations

from nlu.grammar.chart import Made, Rules
from nlu.grammar.chinese.amounts import WORDS as MONEY_WORDS
from nlu.grammar.chinese.amounts import add_amounts
from nlu.grammar.chinese.dates import add_dates
from nlu.grammar.chinese.numbers import WORDS as NUMBER_WORDS
from nlu.grammar.chinese.numbers import add_numbers
from nlu.grammar.chinese.times import add_times
from nlu.grammar.chinese.words import WORDS as TIME_WORDS
from nlu.grammar.clock import Clock
from nlu.grammar.numerals import Number

AM_PM = [(word, "ampm", word[0] == "p") for word in ("am", "pm", "a.m.", "p.m.")]
WORDS = [*NUMBER_WORDS, *TIME_WORDS, *MONEY_WORDS, *AM_PM]


def add_chinese(rules: Rules) -> None:
    """All Chinese rules."""
    add_numbers(rules)
    add_amounts(rules)
    add_times(rules)
    add_dates(rules)

    @rules.add("num|clock ampm")
    def half_said(time: Number | Clock, afternoon: bool) -> Made | None:
        if isinstance(time, Number):
            if time.whole is None or not 1 <= time.whole <= 12:
                return None
            time = Clock(time.whole)
        clock = time.half(afternoon=afternoon)
        return None if clock is None else Made("clock", clock)
