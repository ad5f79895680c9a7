"""Numbers in figures: 12, 1,234.50, 3k, 1/2."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nlu.grammar.chart import Item
from nlu.grammar.tokens import Token

MOST_DIGITS = 15  # of more a float says something else


class Number(msgspec.Struct, frozen=True):
    """A number as written. ``digits`` is how many figures it has, 0 for one in words; ``one``
    tells the article in ``an hour`` from the number."""

    value: float
    digits: int = 0
    one: bool = False

    @property
    def whole(self) -> int | None:
        """The value where it has no fraction."""
        return int(self.value) if self.value == int(self.value) else None


def tidy(value: float) -> float:
    """An int where nothing follows the point, as Duckling writes numbers."""
    rounded = round(value, 6)
    return int(rounded) if rounded == int(rounded) else rounded


def figures(text: str, decimal_comma: bool) -> float | None:
    """What figures say, None for dates, versions and the like (``1.2.3``)."""
    if sum(char.isdigit() for char in text) > MOST_DIGITS:
        return None
    if text.isdigit():
        return int(text)
    point, group = (",", ".") if decimal_comma else (".", ",")
    before, _, after = text.partition(point)
    groups = before.split(group)
    grouped = len(groups[0]) <= 3 and all(len(each) == 3 for each in groups[1:])
    if grouped and (not after or after.isdigit()):
        return float("".join(groups) + ("." + after if after else ""))
    if text.count(group) == 1 and point not in text and len(groups[-1]) != 3:
        return float(text.replace(group, "."))  # 3,5 where 3.5 is usual
    return None


class FigureReader:
    """Reads numbers in figures."""

    def __init__(self, *, decimal_comma: bool = False) -> None:
        self._decimal_comma = decimal_comma

    def __call__(self, text: str, tokens: Sequence[Token], start: int) -> list[Item]:
        """The number that begins at ``start``."""
        token = tokens[start]
        value = figures(token.text, self._decimal_comma)
        if value is None:
            return []
        digits = len(token.text) if token.text.isdigit() else 0
        return [Item("num", Number(value, digits=digits), start, start + 1)]
