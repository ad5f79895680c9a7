"""Readings that the words around them contradict: ``table for 2 tonight`` is no two o'clock."""

from __future__ import annotations

from collections.abc import Sequence

from nlu.grammar.chart import Item
from nlu.grammar.chinese.numbers import CLASSIFIERS
from nlu.grammar.clock import Clock, Moment
from nlu.grammar.english.numbers import ORDINALS
from nlu.grammar.interval import Since, Until
from nlu.grammar.measures import Duration
from nlu.grammar.numerals import Number
from nlu.grammar.tokens import Token

COUNTED = frozenset("for of with are we us be is party table need have has had want all".split())
"""Before a number they tell that it counts people or things, not hours."""
FOLLOW = frozenset(
    "on in at for please and or to today tomorrow tonight this next if with under name thanks "
    "thank would works is sharp exactly but instead then as by from until till because so ok okay "
    "i we the my you can could will not around about day night".split()
)
"""What may stand after ``at 7`` or ``march 3``; any other word is what the number counts."""
FREQUENCY = frozenset("once twice times per every each".split())
COUNT_WORDS = frozenset(CLASSIFIERS)
"""A single numeral such as 一 is a number only before a word that counts."""
ARTICLES = frozenset("a an per each one any just wait every half split".split())
PRONOUNS = frozenset("no this that which the any each every some another my your other".split())
AFTER_POINTS = frozenset("建意要原理问不想感心看")
"""After 三点 they tell that these are points and no hour."""
NUMBERED = frozenset("线楼桌房门店馆路院车站厅室街")
"""After 25号 they tell that it numbers a thing."""
WEAK = frozenset("may march mar sat sun mon wed".split())


def holds(item: Item, tokens: Sequence[Token]) -> bool:
    """Whether nothing beside ``item`` contradicts it."""
    first = tokens[item.start].text
    before = tokens[item.start - 1].text if item.start else ""
    after = tokens[item.end].text if item.end < len(tokens) else ""
    match item.value:
        case Clock() as clock:
            if first == "一" and clock.bare:
                return False
            if clock.bare:
                return not _counts(item, tokens)
            if after == "i" and tokens[item.end - 1].text == "am":
                return False
            return after not in AFTER_POINTS and (not clock.after_at or _may_follow(after))
        case Moment(clock=clock) if clock.bare:
            return not _counts(item, tokens)
        case Since(time=Clock() as clock) | Until(time=Clock() as clock):
            return not clock.after_at or _may_follow(after)
        case Duration(loose=True, grain=grain):
            short = grain in ("second", "minute", "day")
            return not short and before not in FREQUENCY
        case Number() if item.kind == "hannum":
            return item.end - item.start > 1 or after in COUNT_WORDS
        case Number(digits=0) if first == "one":
            return before not in PRONOUNS
    if item.kind == "num" and before == "-":
        return not _in_code(tokens[max(0, item.start - 2) : item.start + 1])
    if item.kind == "ord":
        return not (first == "second" and before in ARTICLES) and (
            after not in ("name", "names") and not (before == "at" and after != "of")
        )
    if item.kind == "domday":  # the 3rd, not the third; 25号, not 三号 nor 25号楼
        if first != "the":
            return item.value.day > 9 and after not in NUMBERED
        return tokens[item.start + 1].text.isdigit() and _may_follow(after)
    if item.kind == "day":
        return _day_holds([token.text for token in tokens[item.start : item.end]], after)
    return True


def _day_holds(words: Sequence[str], after: str) -> bool:
    """Not ``may 2 of us come``, ``1/2 cup``, ``on second thought``."""
    doubtful = (len(words) == 2 and (words[0] in WEAK or words[1] in ORDINALS)) or (
        len(words) == 3 and words[1] == "/"
    )
    return _may_follow(after) if doubtful else True


def _in_code(tokens: Sequence[Token]) -> bool:
    """Whether letters, a dash and figures are written as one: AB-123456, COVID-19."""
    if len(tokens) < 3 or not tokens[0].text.isalpha() or not tokens[0].text.isascii():
        return False
    return tokens[0].end == tokens[1].start and tokens[1].end == tokens[2].start


def _counts(item: Item, tokens: Sequence[Token]) -> bool:
    """Whether the number that begins ``item`` counts people or things, by what stands before."""
    before = [token.text for token in tokens[max(0, item.start - 2) : item.start]]
    return bool(before) and before[-1] in COUNTED and before != ["time", "of"]


def _may_follow(after: str) -> bool:
    return not after.isalpha() or not after.isascii() or after in FOLLOW
