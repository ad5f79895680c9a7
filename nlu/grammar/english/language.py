"""English, ready to be read with."""

from __future__ import annotations

from nlu.grammar.chart import Rules
from nlu.grammar.english.amounts import add_amounts
from nlu.grammar.english.dates import add_dates
from nlu.grammar.english.durations import add_durations
from nlu.grammar.english.numbers import WORDS as NUMBER_WORDS
from nlu.grammar.english.numbers import add_numbers
from nlu.grammar.english.periods import add_periods
from nlu.grammar.english.ranges import add_ranges
from nlu.grammar.english.times import add_times
from nlu.grammar.english.words import WORDS as TIME_WORDS

WORDS = [*NUMBER_WORDS, *TIME_WORDS]


def add_english(rules: Rules) -> None:
    """All English rules."""
    add_numbers(rules)
    add_amounts(rules)
    add_durations(rules)
    add_times(rules)
    add_ranges(rules)
    add_dates(rules)
    add_periods(rules)
