"""Times told by other times: the first monday of may, two days after christmas, in an hour."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from nlu.grammar.calendar import FINER, SECONDS, Reference, floor, step
from nlu.grammar.when import (
    DayOfPeriod,
    Holiday,
    MonthDay,
    Period,
    Span,
    Weekday,
    WeekdayOfWeek,
    When,
    whole,
)


class NthOf(msgspec.Struct, frozen=True):
    """``the first monday of may``, ``the last day of the month``; ``count`` -1 is the last."""

    count: int
    weekday: int | None  # None: a period of ``grain``
    grain: str
    base: When

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        base = self.base.at(now, nth)
        if base is None or base.start is None or base.end is None:
            return None
        start = self._start(base.start, base.end)
        return whole(start, self.grain) if base.start <= start < base.end else None

    def _start(self, first: datetime, end: datetime) -> datetime:
        if self.weekday is None:
            if self.count > 0:
                begin = floor(first, self.grain)
                begin = begin if begin == first else step(begin, self.grain, 1)
                return step(begin, self.grain, self.count - 1)
            return floor(step(end, self.grain, -1), self.grain)
        if self.count > 0:
            ahead = (self.weekday - first.weekday()) % 7
            return first + timedelta(days=ahead + 7 * (self.count - 1))
        last = end - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - self.weekday) % 7)


class EdgeOf(msgspec.Struct, frozen=True):
    """``early march``, ``the middle of next month``, ``the end of the year``: a third of it."""

    part: int  # 0 beginning, 1 middle, 2 end
    base: When

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        base = self.base.at(now, nth)
        if base is None or base.start is None or base.end is None:
            return None
        match base.grain:
            case "month":
                cuts = [base.start, step(base.start, "day", 10), step(base.start, "day", 20)]
                grain = "day"
            case "year":
                cuts = [base.start, step(base.start, "month", 4), step(base.start, "month", 8)]
                grain = "month"
            case "week":
                cuts = [base.start, step(base.start, "day", 2), step(base.start, "day", 4)]
                grain = "day"
            case _:
                return None
        cuts.append(base.end)
        return Span(cuts[self.part], cuts[self.part + 1], grain, interval=True)


class WeekOf(msgspec.Struct, frozen=True):
    """The week that a day is in."""

    day: When

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        day = self.day.at(now, nth)
        return None if day is None or day.start is None else whole(floor(day.start, "week"), "week")


class Away(msgspec.Struct, frozen=True):
    """So much after now, or after ``base``; before it where ``count`` is negative.

    From now on it is one grain finer than it is said: ``in 2 days`` is an hour, as in Duckling.
    """

    count: float
    grain: str
    base: When | None = None

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        if self.base is None:
            finer = FINER[self.grain]
            if nth:
                return None
            if seconds := SECONDS.get(self.grain):
                return whole(floor(now.later(self.count * seconds), finer), finer)
            return whole(floor(step(now.local, self.grain, self.count), finer), finer)
        base = self.base.at(now, nth)
        if base is None or base.start is None or base.interval:
            return None
        grain = base.grain if self.grain in SECONDS or base.grain in SECONDS else "day"
        return whole(step(base.start, self.grain, self.count), grain)


class Stretch(msgspec.Struct, frozen=True):
    """``the next 3 days``, ``the last two weeks``: whole periods, without the one that is."""

    count: int  # negative: past
    grain: str

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        if nth:
            return None
        this = floor(now.local, self.grain)
        if self.count < 0:
            return Span(step(this, self.grain, self.count), this, self.grain, interval=True)
        start = step(this, self.grain, 1)
        return Span(start, step(start, self.grain, self.count), self.grain, interval=True)


class Within(msgspec.Struct, frozen=True):
    """From now to so much later."""

    count: float
    grain: str

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        end = Away(self.count, self.grain).at(now, nth)
        return end and Span(floor(now.local, "second"), end.start, "second", interval=True)


_DAYS = (Weekday, WeekdayOfWeek, MonthDay, DayOfPeriod, Holiday)


def is_a_day(time: When) -> bool:
    """Whether a time of day can be said of it: of next friday, and not of next week."""
    if isinstance(time, Away):
        return time.grain in ("day", "week")
    if isinstance(time, Period | NthOf):
        return time.grain == "day"
    return isinstance(time, _DAYS)
