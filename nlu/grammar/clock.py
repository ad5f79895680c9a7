"""Times of day, parts of the day, and what they are together with a day."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from nlu.grammar.calendar import Reference, floor
from nlu.grammar.when import Span, When, whole


class Part(msgspec.Struct, frozen=True):
    """A part of the day, in hours; 24 is midnight at its end."""

    start: int
    end: int

    def holds(self, hour: int) -> bool:
        """Whether people name the hour with it: two at night, noon in the morning not."""
        if self.end == 24:
            return hour >= 17 or hour < 5
        return self.start - 4 <= hour < self.end + 1 if self.start < 12 else hour >= 12


class Clock(msgspec.Struct, frozen=True):
    """A time of day. ``fixed``: which half of the day is meant is known.

    ``bare`` is a number that only its neighbours make a time, ``after_at`` one with ``at`` before
    it: ``at 7`` and not ``at 7 places``.
    """

    hour: int
    minute: int | None = None
    second: int | None = None
    fixed: bool = False
    bare: bool = False
    after_at: bool = False

    @property
    def grain(self) -> str:
        if self.second is not None:
            return "second"
        return "hour" if self.minute is None else "minute"

    @property
    def hours(self) -> tuple[int, ...]:
        """The hours it can be, 24 for midnight at a day's end."""
        if self.fixed or not 1 <= self.hour <= 12:
            return (self.hour,)
        return (self.hour, self.hour % 12 + 12) if self.hour < 12 else (12, 24)

    def on(self, day: datetime, hour: int) -> Span:
        """The time on a day, at one of its ``hours``."""
        start = day + timedelta(hours=hour, minutes=self.minute or 0, seconds=self.second or 0)
        return whole(start, self.grain)

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        """The next times the clock shows it; the minute that is counts as next."""
        days = (now.today + timedelta(days=n) for n in range(3))
        spans = (self.on(day, hour) for day in days for hour in self.hours)
        ahead = [span for span in spans if span.end and span.end > now.local]
        return ahead[nth] if nth < len(ahead) else None

    def half(self, *, afternoon: bool) -> Clock | None:
        """With am or pm said; None where it cannot be."""
        if self.hour > 12:
            return self if afternoon and not self.bare else None
        if self.hour == 0:
            return None if afternoon else self.at_hour(0)
        return self.at_hour(self.hour % 12 + 12 * afternoon)

    def during(self, part: Part) -> Clock:
        """With a part of the day said."""
        fitting = [hour for hour in self.hours if part.holds(hour % 24)]
        return self.at_hour(fitting[0]) if fitting else self

    def at_hour(self, hour: int) -> Clock:
        """At an hour that is sure."""
        return msgspec.structs.replace(self, hour=hour, fixed=True, bare=False, after_at=False)


class Moment(msgspec.Struct, frozen=True):
    """A time of day on a day."""

    day: When
    clock: Clock

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        hours = self.clock.hours
        day = _midnight(self.day, now, nth // len(hours))
        if day is None:
            return None
        if len(hours) > 1 and day == now.today and nth == 0:
            spans = [self.clock.on(day, hour) for hour in hours]
            return next((s for s in spans if s.end and s.end > now.local), spans[-1])
        return self.clock.on(day, hours[nth % len(hours)])


class DayPart(msgspec.Struct, frozen=True):
    """A part of a day; without one, of today unless it is over."""

    part: Part
    day: When | None = None

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        if self.day is None:
            over = now.local >= now.today + timedelta(hours=self.part.end)
            return self._of(now.today + timedelta(days=nth + over))
        day = _midnight(self.day, now, nth)
        return None if day is None else self._of(day)

    def _of(self, day: datetime) -> Span:
        start, end = (day + timedelta(hours=hour) for hour in (self.part.start, self.part.end))
        return Span(start, end, "hour", interval=True)


def _midnight(day: When, now: Reference, nth: int) -> datetime | None:
    """When the day begins; ``in 3 days`` is told to the hour, and any hour can be said of it."""
    span = day.at(now, nth)
    if span is None or span.start is None or span.grain not in ("day", "hour"):
        return None
    return floor(span.start, "day")
