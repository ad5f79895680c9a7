"""Chinese times of day and durations: 下午三点, 七点半, 差五分三点, 半小时后."""

from __future__ import annotations

import msgspec

from nlu.grammar.chart import Made, Rules
from nlu.grammar.clock import Clock, DayPart, Moment, Part
from nlu.grammar.interval import ClockRange, Range, Since, Until
from nlu.grammar.measures import Duration, between, duration
from nlu.grammar.numerals import Number
from nlu.grammar.related import Away, Within, is_a_day
from nlu.grammar.when import Now, Period, When

TO = "=到|=至|=-"


def add_times(rules: Rules) -> None:
    """What times of day are said with, alone and with a day."""
    _clocks(rules)
    _durations(rules)
    _with_days(rules)
    _ranges(rules)


def _clocks(rules: Rules) -> None:
    @rules.add("cnum =点|=點", "cnum =时|=時")
    def hour(number: Number) -> Made | None:
        return _made(number, None)

    @rules.add("cnum =点钟|=點鐘|=点整|=點整|=点正|=點正")
    def full_hour(number: Number) -> Made | None:
        made = _made(number, None)
        return made and Made("clock", msgspec.structs.replace(made.value, bare=False))

    @rules.add("cnum =点半|=點半")
    def half_past(number: Number) -> Made | None:
        return _made(number, 30)

    @rules.add("cnum =点|=點 quarters")
    def quarter_past(number: Number, minutes: int) -> Made | None:
        return _made(number, minutes)

    @rules.add("cnum =点|=點|=时|=時 [=零|=过] cnum =分")
    def minute(number: Number, minutes: Number) -> Made | None:
        return _made(number, minutes.whole)

    @rules.add("cnum =点|=點 cnum")
    def bare_minute(number: Number, minutes: Number) -> Made | None:
        whole = minutes.whole
        return _made(number, whole) if whole is not None and 10 <= whole <= 59 else None

    @rules.add("=差 cnum =分 clock", "=差 quarters clock")
    def before(minutes: Number | int, clock: Clock) -> Made | None:
        short = minutes.whole if isinstance(minutes, Number) else minutes
        if short is None or not 1 <= short <= 59 or clock.minute is not None:
            return None
        earlier = (clock.hour - 1) % 24 if clock.fixed else (clock.hour - 2) % 12 + 1
        return Made("clock", Clock(earlier, 60 - short, fixed=clock.fixed))

    @rules.add("=一刻")
    def quarter() -> Made:
        return Made("quarters", 15)

    @rules.add("=三刻")
    def three_quarters() -> Made:
        return Made("quarters", 45)

    @rules.add("part [=的] clock")
    def in_part(part: Part, clock: Clock) -> Made:
        return Made("clock", clock.during(part))

    @rules.add("part")
    def part_alone(part: Part) -> Made:
        return Made("daypart", DayPart(part))


def _durations(rules: Rules) -> None:
    @rules.add("cnum unit", "=半 unit")
    def length(*parts: Number | str) -> Made | None:
        first = parts[0]
        return _length(first.value if isinstance(first, Number) else 0.5, str(parts[-1]))

    @rules.add("=半年")
    def half_year() -> Made:
        return Made("duration", Duration(6, "month"))

    @rules.add("=半个月|=半個月")
    def half_month() -> Made:
        return Made("duration", Duration(15, "day"))

    @rules.add("=半天")
    def half_day() -> Made:
        return Made("duration", Duration(12, "hour"))

    @rules.add("=一刻钟|=一刻鐘")
    def quarter_hour() -> Made:
        return Made("duration", Duration(15, "minute"))

    @rules.add("cnum =个半|=個半 unit", "cnum unit =半")
    def and_a_half(number: Number, unit: str) -> Made | None:
        return _length(number.value + 0.5, unit)

    @rules.add("duration duration", "duration =零 duration")
    def together(first: Duration, second: Duration) -> Made | None:
        both = first.plus(second)
        return None if both is None else Made("duration", both)

    @rules.add("cnum|duration =-|=到|=至 duration")
    def from_to(first: Number | Duration, last: Duration) -> Made | None:
        found = between(first.value if isinstance(first, Number) else first, last)
        return None if found is None else Made("durationrange", found)

    @rules.add("=第 cnum unit")
    def nth(number: Number, unit: str) -> Made:
        return Made("block", None)  # 第二天 is the next day and no two days

    @rules.add("duration =后|=後|=之后|=之後|=以后|=以後|=过后", "=过|=再过|=過 duration")
    def ahead(length: Duration) -> Made:
        return _away(length, 1)

    @rules.add("=从现在起|=从现在开始 [=的] duration =后|=之后|=以后|=里")
    @rules.add("=过|=再过 duration =后|=之后|=以后")
    def after(length: Duration) -> Made:
        return _away(length, 1)

    @rules.add("duration =前|=之前|=以前")
    def ago(length: Duration) -> Made:
        return _away(length, -1)

    @rules.add("duration =内|=之内|=以内|=內|=里|=之內")
    def within(length: Duration) -> Made:
        return Made("interval", Within(length.count, length.grain))

    @rules.add("day =后|=之后|=以后 duration")
    def after_day(day: When, length: Duration) -> Made:
        return Made("day", Away(length.count, length.grain, day))


def _with_days(rules: Rules) -> None:
    @rules.add("day|domday [=的|=,] clock", "daypart [=的] clock")
    def day_clock(day: When | DayPart, clock: Clock) -> Made | None:
        if isinstance(day, DayPart):
            fixed = clock.during(day.part)
            return Made("moment", Moment(day.day, fixed)) if day.day else Made("clock", fixed)
        sure = msgspec.structs.replace(clock, bare=False)
        return Made("moment", Moment(day, sure)) if is_a_day(day) else None

    @rules.add("day|domday [=的] part", "day shortpart")
    def day_part(day: When, part: Part) -> Made | None:
        return Made("daypart", DayPart(part, day)) if is_a_day(day) else None

    @rules.add("=这个|=這個 part")
    def this_part(part: Part) -> Made:
        return Made("daypart", DayPart(part, Period("day")))


def _ranges(rules: Rules) -> None:
    @rules.add(f"clock {TO} clock", f"=从|=從 clock {TO} clock")
    def clocks(first: Clock, last: Clock) -> Made:
        if first.fixed and not last.fixed and first.hour >= 12:
            last = last.half(afternoon=True) or last
        return Made("clockrange", ClockRange(first, last))

    @rules.add("day [=的] clockrange")
    def on_day(day: When, between: ClockRange) -> Made | None:
        found = msgspec.structs.replace(between, day=day)
        return Made("interval", found) if is_a_day(day) else None

    @rules.add("daypart [=的] clockrange")
    def on_part(day: DayPart, between: ClockRange) -> Made:
        first, last = between.first.during(day.part), between.last.during(day.part)
        return Made("interval", ClockRange(first, last, day.day))

    @rules.add(f"[=从|=從] day {TO} day", f"[=从|=從] moment {TO} moment|clock")
    def days(first: When, last: When) -> Made:
        if isinstance(first, Moment) and isinstance(last, Clock):
            return Made("interval", ClockRange(first.clock, last, first.day))
        return Made("interval", Range(first, last))

    @rules.add("clock|day|domday|moment =之前|=以前|=前")
    def until(time: When) -> Made:
        return Made("open", Until(time))

    @rules.add(
        "clock|day|domday|moment =之后|=以后|=后|=起|=以後|=之後",
        "=从|=從 clock|day|domday|moment =开始|=起",
    )
    def since(time: When) -> Made | None:
        return None if isinstance(time, Now) else Made("open", Since(time))


def _made(number: Number, minute: int | None) -> Made | None:
    hour = number.whole
    if hour is None or not 0 <= hour <= 24 or (minute is not None and not 0 <= minute <= 59):
        return None
    fixed = hour > 12 or hour == 0
    bare = minute is None and not number.digits and hour == 1  # 一点 is also "a little"
    return Made("clock", Clock(hour, minute, fixed=fixed, bare=bare))


def _length(count: float, unit: str) -> Made | None:
    found = duration(count, unit)
    return None if found is None else Made("duration", found)


def _away(length: Duration, way: int) -> Made:
    kind = "moment" if length.grain in ("second", "minute", "hour") else "day"
    return Made(kind, Away(length.count * way, length.grain))
