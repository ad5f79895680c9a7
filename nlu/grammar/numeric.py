"""Times and dates in figures: 19:30, 7.30 pm, 2026-11-22T19:00Z, 22.11.2026, 11/22."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from nlu.grammar.calendar import Reference, day_of
from nlu.grammar.chart import Item
from nlu.grammar.clock import Clock, Moment
from nlu.grammar.tokens import Token
from nlu.grammar.when import MonthDay, Span, whole

_CLOCK = re.compile(r"([0-9]{1,2})(?::| : )([0-5][0-9])(?::([0-5][0-9]))?(?![0-9:]|[.,][0-9])")
_DOTTED = re.compile(r"([0-9]{1,2})\.([0-5][0-9])$")
_ISO = re.compile(
    r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})"
    r"(?:(?:t| {1,2})([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,6})?)?"
    r" ?(z|utc|[+-][0-9]{2}:?[0-9]{2})?)?(?![0-9:/])"
)
_YEAR_LAST = re.compile(
    r"([0-9]{1,2}) ?([-/.]) ?([0-9]{1,2})(?: ?\2 ?([0-9]{4}|[0-9]{2}))?(?![0-9/-]|\.[0-9]|[^\W\d_])"
)


class Instant(msgspec.Struct, frozen=True):
    """A time with the offset it was written with."""

    time: datetime
    grain: str

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        if nth:
            return None
        local = self.time.astimezone(now.zone).replace(tzinfo=None)
        return whole(local, self.grain)


class NumericReader:
    """Reads dates and times in figures; ``day_first`` tells 22/11 from 11/22.

    What cannot be in that order is read in the other. Dashes and slashes without a year are read
    as a date only where nothing stands beside them that says otherwise: see ``_YEAR_LAST``.
    """

    def __init__(self, *, day_first: bool) -> None:
        self._day_first = day_first

    def __call__(self, text: str, tokens: Sequence[Token], start: int) -> list[Item]:
        """What is written in figures from the token ``start`` on."""
        token = tokens[start]
        length = token.end - token.start
        if length == 4 and token.text.isdigit():
            return [*self._year(token, start), *_iso(text, tokens, start)]
        if length <= 2:
            return [*_clock(text, tokens, start), *self._date(text, tokens, start)]
        dates = self._date(text, tokens, start) or _iso(text, tokens, start)
        return [*_dotted_clock(token, start), *dates]

    def _year(self, token: Token, start: int) -> list[Item]:
        number = int(token.text)
        return [Item("year", number, start, start + 1)] if 1900 <= number <= 2100 else []

    def _date(self, text: str, tokens: Sequence[Token], start: int) -> list[Item]:
        match = _YEAR_LAST.match(text, tokens[start].start)
        if match is None or (end := _token_end(tokens, start, match.end())) is None:
            return []
        first, sign, second, year = match.groups()
        if year is None and sign != "/":
            return []
        day = self._day(int(first), int(second), _full_year(year))
        return [] if day is None else [Item("monthday", day, start, end)]

    def _day(self, first: int, second: int, year: int | None) -> MonthDay | None:
        readings = [(first, second), (second, first)]  # day, month
        if not self._day_first:
            readings.reverse()
        possible = [r for r in readings if day_of(year or 2000, r[1], r[0])]
        if not possible:
            return None
        (day, month), *others = dict.fromkeys(possible)
        other = (others[0][1], others[0][0]) if others else None
        return MonthDay(day, month, year, other=other)


def _clock(text: str, tokens: Sequence[Token], start: int) -> list[Item]:
    match = _CLOCK.match(text, tokens[start].start)
    if match is None or (end := _token_end(tokens, start, match.end())) is None:
        return []
    hour, minute = int(match[1]), int(match[2])
    if hour > 24 or (hour == 24 and minute):
        return []
    second = int(match[3]) if match[3] else None
    fixed = hour > 12 or match[1].startswith("0")
    return [Item("clock", Clock(hour, minute, second, fixed=fixed), start, end)]


def _dotted_clock(token: Token, start: int) -> list[Item]:
    """7.30, which is a time only beside ``pm`` or ``at``."""
    match = _DOTTED.match(token.text)
    if match is None or int(match[1]) > 23:
        return []
    return [Item("hour", Clock(int(match[1]), int(match[2]), bare=True), start, start + 1)]


def _iso(text: str, tokens: Sequence[Token], start: int) -> list[Item]:
    match = _ISO.match(text, tokens[start].start)
    if match is None or (end := _token_end(tokens, start, match.end())) is None:
        return []
    year, _, month, day, hour, minute, second, offset = match.groups()
    date = MonthDay(int(day), int(month), int(year))
    if day_of(date.year or 0, date.month or 0, date.day) is None:
        return []
    if hour is None:
        return [Item("monthday", date, start, end)]
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 59:
        return []
    clock = Clock(int(hour), int(minute), int(second) if second else None, fixed=True)
    if offset is None:
        return [Item("moment", Moment(date, clock), start, end)]
    clear = datetime(int(year), int(month), int(day), tzinfo=_zone(offset))
    time = clear.replace(hour=clock.hour, minute=clock.minute or 0, second=clock.second or 0)
    return [Item("moment", Instant(time, clock.grain), start, end)]


def _zone(offset: str) -> timezone:
    if offset in ("z", "utc"):
        return UTC
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return timezone(timedelta(minutes=min(minutes, 1439) * (-1 if offset[0] == "-" else 1)))


def _full_year(written: str | None) -> int | None:
    """1974 for 74, 2026 for 26."""
    if written is None or len(written) == 4:
        return int(written) if written else None
    return int(written) + (1900 if int(written) >= 70 else 2000)


def _token_end(tokens: Sequence[Token], start: int, end: int) -> int | None:
    """The number of the token after the one that ends at ``end``; None where none ends there."""
    for index in range(start, min(start + 16, len(tokens))):
        if tokens[index].end >= end:
            return index + 1 if tokens[index].end == end else None
    return None
