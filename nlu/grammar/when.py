"""What a time expression means, before and after it is seen from a user's clock.

Each is a frozen value with ``at(now, nth)``: the ``nth`` stretch of time it can mean, counted from
the likeliest, None when there is no such one. So ``monday`` is the next Monday, then the one after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple, Protocol

import msgspec

from nlu.grammar.calendar import Reference, day_of, floor, step


class Span(NamedTuple):
    """A stretch of the user's clock; None is an open end, and ``end`` is not part of it.

    ``interval`` tells ``from 3 to 5`` and ``in the evening`` from what is one hour, day or month.
    """

    start: datetime | None
    end: datetime | None
    grain: str
    interval: bool = False


class When(Protocol):
    """A time as somebody put it."""

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        """The ``nth`` time it can mean."""
        ...


def whole(start: datetime, grain: str) -> Span:
    """The hour, day or month that begins at ``start``."""
    return Span(start, step(start, grain, 1), grain)


class Now(msgspec.Struct, frozen=True):
    """This very second."""

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        return None if nth else whole(floor(now.local, "second"), "second")


class Period(msgspec.Struct, frozen=True):
    """The period so many away from the one that is: ``next week``, ``yesterday``."""

    grain: str
    count: int = 0

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        if nth:
            return None
        return whole(step(floor(now.local, self.grain), self.grain, self.count), self.grain)


class Weekday(msgspec.Struct, frozen=True):
    """The next such day after today; with ``back`` the last one before it. Monday is 0."""

    weekday: int
    back: bool = False

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        away = (self.weekday - now.local.weekday()) % 7 or 7
        if self.back:
            away = -((now.local.weekday() - self.weekday) % 7 or 7)
        weeks = -nth if self.back else nth
        return whole(now.today + timedelta(days=away + 7 * weeks), "day")


class WeekdayOfWeek(msgspec.Struct, frozen=True):
    """A day of the week so many away from this one: ``wednesday next week``."""

    weekday: int
    weeks: int

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        monday = floor(now.local, "week") + timedelta(weeks=self.weeks)
        return None if nth else whole(monday + timedelta(days=self.weekday), "day")


class Weekend(msgspec.Struct, frozen=True):
    """From Friday at 18 o'clock to the end of Sunday, so many weeks away."""

    weeks: int = 0

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        if nth:
            return None
        monday = floor(now.local, "week") + timedelta(weeks=self.weeks)
        start = monday + timedelta(days=4, hours=18)
        return Span(start, monday + timedelta(days=7), "hour", interval=True)


class MonthDay(msgspec.Struct, frozen=True):
    """A day by what was said of it; the rest is what comes next.

    ``back``: what came last instead. ``other`` is the reading in the other order of day and month,
    where a date in figures could be either.
    """

    day: int
    month: int | None = None
    year: int | None = None
    weekday: int | None = None
    back: bool = False
    other: tuple[int, int] | None = None  # month, day

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        found = next(islice(self._days(now.today), nth, None), None)
        return None if found is None else whole(found, "day")

    def _days(self, today: datetime) -> Iterator[datetime]:
        if self.month is not None and self.year is not None:
            days: Iterator[datetime | None] = iter([day_of(self.year, self.month, self.day)])
            yield from (day for day in days if day)  # though the weekday be another
        elif self.month is not None and self.weekday is not None:
            years = range(today.year - 11, today.year + 12)
            near = [d for y in years if (d := day_of(y, self.month, self.day))]
            near = [day for day in near if day.weekday() == self.weekday]
            yield from sorted(near, key=lambda day: (abs(day - today), day < today))[:1]
        elif self.month is not None:
            back = -1 if self.back else 1
            years = range(today.year, today.year + 13 * back, back)
            days = (day_of(year, self.month, self.day) for year in years)
            yield from (d for d in days if d and ((d < today) if self.back else (d >= today)))
        else:
            firsts = (step(floor(today, "month"), "month", n) for n in range(60))
            days = (day_of(first.year, first.month, self.day) for first in firsts)
            wanted = self.weekday
            yield from (d for d in days if d and d >= today and wanted in (None, d.weekday()))


class DayOfPeriod(msgspec.Struct, frozen=True):
    """The n-th day of a month that is said by itself: ``下个月三号``."""

    day: int
    month: When

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        span = self.month.at(now, nth)
        if span is None or span.start is None:
            return None
        found = day_of(span.start.year, span.start.month, self.day)
        return None if found is None else whole(found, "day")


class Month(msgspec.Struct, frozen=True):
    """A month by name: the one that is or comes; ``rel`` 1 the one after this month, -1 the last
    that is over."""

    month: int
    year: int | None = None
    rel: int = 0

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        year = self.year
        if year is None:
            this = (now.local.year, now.local.month)
            year = now.local.year + nth
            if self.rel < 0:
                year -= 2 * nth + ((now.local.year, self.month) >= this)
            elif (now.local.year, self.month) < this or (self.rel > 0 and self.month == this[1]):
                year += 1
        elif nth:
            return None
        start = day_of(year, self.month, 1)
        return None if start is None else whole(start, "month")


class Year(msgspec.Struct, frozen=True):
    """A year by its number."""

    year: int

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        start = day_of(self.year, 1, 1)
        return None if nth or start is None else whole(start, "year")


class Quarter(msgspec.Struct, frozen=True):
    """The first to fourth quarter of a year; of this one unless told."""

    quarter: int
    year: int | None = None

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        start = day_of(self.year or now.local.year, self.quarter * 3 - 2, 1)
        return None if nth or start is None else whole(start, "quarter")


class Holiday(msgspec.Struct, frozen=True):
    """A day that a function gives for a year, None where it knows none."""

    of_year: Callable[[int], datetime | None]
    year: int | None = None
    back: bool = False

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        if self.year is not None:
            days = [self.of_year(self.year)]
        else:
            way = -1 if self.back else 1
            years = range(now.local.year, now.local.year + 6 * way, way)
            days = [day for year in years if (day := self.of_year(year))]
            days = [d for d in days if d and ((d < now.today) if self.back else (d >= now.today))]
        found = days[nth] if nth < len(days) else None
        return None if found is None else whole(found, "day")
