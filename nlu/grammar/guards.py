"""Readings that the words around them contradict: ``table for 2 tonight`` is no two o'clock."""

from __future__ import annotations

from collections.abc import Sequence

from nlu.grammar.chart import Item
from nlu.grammar.chinese.numbers import CLASSIFIERS
from nlu.grammar.clock import Clock, Moment
from nlu.grammar.english.numbers import ORDINALS
from nlu.grammar.interval import Since, Until
from nlu.grammar.measures import Duration
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
    match item.kind:
        case "hannum":
            return item.end - item.start > 1 or after in COUNT_WORDS
        case "num":
            return not (first == "one" and before in PRONOUNS) and not _in_code(item, tokens)
        case "ord":
            article = first == "second" and before in ARTICLES
            return not article and after not in ("name", "names") and before != "at"
        case "domday" if first != "the":  # 25号, not 三号 nor 25号楼
            return item.value.day > 9 and after not in NUMBERED
        case "domday":  # the 3rd, not the third
            return tokens[item.start + 1].text.isdigit() and _may_follow(after)
        case "day":
            return _day_holds([token.text for token in tokens[item.start : item.end]], after)
        case _:
            return _time_holds(item, tokens, before, after)


def _time_holds(item: Item, tokens: Sequence[Token], before: str, after: str) -> bool:
    match item.value:
        case Clock(bare=True) | Moment(clock=Clock(bare=True)):
            return tokens[item.start].text != "一" and not _counts(item, tokens)
        case Clock() as clock:
            asks = after == "i" and tokens[item.end - 1].text == "am"
            sure = not clock.after_at or _may_follow(after)
            return sure and not asks and after not in AFTER_POINTS
        case Since(time=Clock(after_at=True)) | Until(time=Clock(after_at=True)):
            return _may_follow(after)
        case Duration(loose=True, grain=grain):
            return grain not in ("second", "minute", "day") and before not in FREQUENCY
        case _:
            return True


def _day_holds(words: Sequence[str], after: str) -> bool:
    """Not ``may 2 of us come``, ``1/2 cup``, ``on second thought``."""
    doubtful = (len(words) == 2 and (words[0] in WEAK or words[1] in ORDINALS)) or (
        len(words) == 3 and words[1] == "/"
    )
    return _may_follow(after) if doubtful else True


def _in_code(item: Item, tokens: Sequence[Token]) -> bool:
    """Whether letters, a dash and figures are written as one: AB-123456, COVID-19."""
    if item.start < 2 or tokens[item.start - 1].text != "-":
        return False
    letters, dash, figures = tokens[item.start - 2 : item.start + 1]
    written_as_one = letters.end == dash.start and dash.end == figures.start
    return written_as_one and letters.text.isalpha() and letters.text.isascii()


def _counts(item: Item, tokens: Sequence[Token]) -> bool:
    """Whether the number that begins ``item`` counts people or things, by what stands before."""
    before = [token.text for token in tokens[max(0, item.start - 2) : item.start]]
    return bool(before) and before[-1] in COUNTED and before != ["time", "of"]


def _may_follow(after: str) -> bool:
    return not after.isalpha() or not after.isascii() or after in FOLLOW
