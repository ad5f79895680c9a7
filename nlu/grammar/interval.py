"""Times from one to another, and those open at one end."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import msgspec

from nlu.grammar.calendar import GRAINS, Reference, floor, step
from nlu.grammar.clock import Clock, Moment
from nlu.grammar.when import Span, When


class Range(msgspec.Struct, frozen=True):
    """From one time to the end of another: ``from 3 to 5 pm`` ends when that hour is over, as in
    Duckling."""

    first: When
    last: When

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        first = self.first.at(now, nth)
        if first is None or first.start is None:
            return None
        last = self.last.at(Reference(first.start, now.zone))
        return None if last is None else _joined(first, last)


class ClockRange(msgspec.Struct, frozen=True):
    """From one time of day to another, on a day or the next time it can be."""

    first: Clock
    last: Clock
    day: When | None = None

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        first_hour, last_hour = self._hours()
        if self.day is None:
            first = self.first.at_hour(first_hour).at(now, nth)
        else:
            moment = Moment(self.day, self.first.at_hour(first_hour))
            first = moment.at(now, nth)
        if first is None or first.start is None:
            return None
        last = self.last.on(floor(first.start, "day"), last_hour)
        if last.start is not None and last.start <= first.start:
            last = self.last.on(floor(first.start, "day") + timedelta(days=1), last_hour)
        return _joined(first, last)

    def _hours(self) -> tuple[int, int]:
        """The hours that are meant: those between which least time passes, by day sooner than by
        night (``9 to 5``); the first of those as near."""

        def apart(pair: tuple[int, int]) -> tuple[bool, int, bool]:
            first, last = (
                hour * 60 + (clock.minute or 0)
                for hour, clock in zip(pair, (self.first, self.last), strict=True)
            )
            return (last <= first, (last - first) % 1440 or 1440, first < 7 * 60)

        return min(product(self.first.hours, self.last.hours), key=apart)


class Since(msgspec.Struct, frozen=True):
    """From the beginning of a time on; ``after 5 pm`` begins at 5, as in Duckling."""

    time: When

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        span = self.time.at(now, nth)
        if span is None or span.start is None:
            return None
        return Span(span.start, None, span.grain, interval=True)


class Until(msgspec.Struct, frozen=True):
    """Up to the beginning of a time; ``by`` tells that it begins at once, and lasts to the end of
    an interval (``by the end of the month``)."""

    time: When
    by: bool = False

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        span = self.time.at(now, nth)
        if span is None or span.start is None:
            return None
        if not self.by:
            return Span(None, span.start, span.grain, interval=True)
        begin, end = floor(now.local, "second"), span.end if span.interval else span.start
        if end is None or end <= begin:
            return None
        return Span(begin, end, "second", interval=True)


def _joined(first: Span, last: Span) -> Span | None:
    """From the one to the end of the other, by the finer of their grains."""
    if first.start is None or last.start is None or last.end is None:
        return None
    grain = min(first.grain, last.grain, key=GRAINS.index)
    end = last.end if last.interval else step(last.start, grain, 1)
    return Span(first.start, end, grain, interval=True) if end > first.start else None
