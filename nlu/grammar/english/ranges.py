"""English ranges: from 3 to 5 on monday, july 13-15, after six, by friday."""

from __future__ import annotations

import msgspec

from nlu.grammar.chart import Made, Rules
from nlu.grammar.clock import Clock, DayPart, Part
from nlu.grammar.interval import ClockRange, Range, Since, Until
from nlu.grammar.numerals import Number
from nlu.grammar.related import is_a_day
from nlu.grammar.when import MonthDay, When


def add_ranges(rules: Rules) -> None:
    """What goes from one time to another, or is open at one end."""
    _clock_ranges(rules)
    _day_ranges(rules)
    _open_ranges(rules)


def _clock_ranges(rules: Rules) -> None:
    to = "=to|=-|=until|=till|=til|=through"
    ends = "clock|hour|hhmm"

    @rules.add("hour =to clock")
    def two_hours(first: Clock, last: Clock) -> Made | None:
        minutes = first.hour in (5, 10, 20) and first.hour > (last.hour % 12 or 12)
        return None if minutes else Made("clockrange", ClockRange(first, last))  # ten to seven pm

    @rules.add(f"clock {to} {ends}", "hour =-|=until|=till|=til|=through clock")
    @rules.add(
        f"hhmm {to} clock",
        f"=from {ends} {to} clock",
        f"=from clock {to} hour|hhmm",
        "=between|=in_between hour|clock|hhmm =and clock",
    )
    @rules.add("=between|=in_between clock =and|=- hour|hhmm|clock")
    @rules.add(f"=between|=in_between hour {to} clock")
    def clear(first: Clock, last: Clock) -> Made | None:
        return Made("clockrange", ClockRange(first, last))

    @rules.add(f"=from hour|hhmm {to} hour|hhmm", "=between hour|hhmm =and hour|hhmm")
    def bare(first: Clock, last: Clock) -> Made:
        return Made("barerange", ClockRange(first, last))

    @rules.add("day|domday [=,] clockrange|barerange", "day [=,] clockrange|barerange")
    def on_day(day: When, between: ClockRange) -> Made | None:
        found = msgspec.structs.replace(between, day=day)
        return Made("interval", found) if is_a_day(day) else None

    @rules.add("clockrange|barerange [=,] day|domday")
    def then_day(between: ClockRange, day: When) -> Made | None:
        return on_day(day, between)

    @rules.add("clockrange|barerange inpart", "daypart clockrange|barerange")
    @rules.add("clockrange|barerange daypart")
    def in_part(*both: ClockRange | Part | DayPart) -> Made:
        between = next(each for each in both if isinstance(each, ClockRange))
        part = next(each for each in both if not isinstance(each, ClockRange))
        inner, day = (part.part, part.day) if isinstance(part, DayPart) else (part, None)
        first, last = between.first.during(inner), between.last.during(inner)
        return Made("interval", ClockRange(first, last, day))


def _day_ranges(rules: Rules) -> None:
    to = "=to|=-|=until|=till|=through|=thru"

    @rules.add(f"=from day|moment {to} day|moment", f"moment {to} moment|day|clock")
    @rules.add(f"day {to} day", "=between day|moment =and day|moment|clock")
    @rules.add(f"=from moment {to} clock")
    def between(first: When, last: When) -> Made:
        return Made("interval", Range(first, last))

    @rules.add(f"[=from] [=the] num|ord {to} [=the] num|ord [=of] month")
    @rules.add("=between [=the] num|ord =and [=the] num|ord [=of] month")
    def days_then_month(first: Number | int, last: Number | int, month: int) -> Made | None:
        return _days(first, last, month)

    @rules.add(f"[=from] month num|ord {to} [=the] num|ord")
    def month_then_days(month: int, first: Number | int, last: Number | int) -> Made | None:
        return _days(first, last, month)


def _open_ranges(rules: Rules) -> None:
    times = "clock|day|moment"

    @rules.add(f"=after|=since|=later_than|=not_before {times}")
    @rules.add(f"=from|=starting_from|=starting|=as_of {times}")
    def since(time: When) -> Made | None:
        return Made("open", Since(_sure(time)))

    free = "=any_time|=anytime|=sometime|=some_time"

    @rules.add(f"{free} =after hour|clock")
    def free_since(clock: Clock) -> Made:
        return Made("open", Since(_sure(clock)))

    @rules.add(f"{free} =before hour|clock")
    def free_until(clock: Clock) -> Made:
        return Made("open", Until(_sure(clock)))

    @rules.add(
        f"=before|=until|=till|=through|=up_to|=earlier_than|=no_later_than|=prior_to {times}"
    )
    def until(time: When) -> Made:
        return Made("open", Until(_sure(time)))

    @rules.add("=after|=later_than hour")
    def since_hour(clock: Clock) -> Made:
        return Made("open", Since(msgspec.structs.replace(clock, bare=False, after_at=True)))

    @rules.add("=before|=until|=till|=earlier_than hour")
    def until_hour(clock: Clock) -> Made:
        return Made("open", Until(msgspec.structs.replace(clock, bare=False, after_at=True)))

    @rules.add(f"=by {times}|interval")
    def by(time: When) -> Made:
        return Made("open", Until(_sure(time), by=True))

    @rules.add(f"{times} =or_later|=onwards|=and_later|=onward")
    def onwards(time: When) -> Made:
        return Made("open", Since(_sure(time)))


def _sure(time: When) -> When:
    if isinstance(time, Clock):
        return msgspec.structs.replace(time, bare=False, after_at=False)
    return time


def _days(first: Number | int, last: Number | int, month: int) -> Made | None:
    start, end = ((d.whole or 0) if isinstance(d, Number) else d for d in (first, last))
    if not 1 <= start < end <= 31:
        return None
    return Made("interval", Range(MonthDay(start, month), MonthDay(end, month)))
