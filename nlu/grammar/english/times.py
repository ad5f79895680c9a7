"""English times of day: 7pm, half past six, ten to four, in the evening, monday at 4."""

from __future__ import annotations

import msgspec

from nlu.grammar.chart import Made, Rules
from nlu.grammar.clock import Clock, DayPart, Moment, Part
from nlu.grammar.numerals import Number
from nlu.grammar.related import is_a_day
from nlu.grammar.when import Period, When


def add_times(rules: Rules) -> None:
    """What times of day are said with, alone and with a day."""
    _clocks(rules)
    _past_and_to(rules)
    _parts_of_days(rules)
    _on_days(rules)


def _clocks(rules: Rules) -> None:
    @rules.add("num [=-] ampm", "num =o'clock ampm", "num =ish ampm", "num [=in_the] ampm")
    def half_said(number: Number, afternoon: bool) -> Made | None:
        clock = _clock(number, afternoon)
        return None if clock is None else _made(clock.half(afternoon=afternoon))

    @rules.add("hour|clock [=in_the] ampm")
    def half_of_clock(clock: Clock, afternoon: bool) -> Made | None:
        known = clock.fixed and clock.hour > 12
        return None if known and not afternoon else _made(clock.half(afternoon=afternoon))

    @rules.add("num =o'clock|=oclock|=o_clock|=o_'_clock")
    def o_clock(number: Number) -> Made | None:
        hour = number.whole
        return None if hour is None or hour > 24 else Made("clock", Clock(hour))

    @rules.add("num =hrs|=hr", "num =hours_sharp")
    def military(number: Number) -> Made | None:
        clock = _hhmm(number)
        return None if clock is None else Made("clock", clock)

    @rules.add("num")
    def hour(number: Number) -> Made | None:
        if number.digits > 2:
            clock = _hhmm(number)
            return None if clock is None else Made("hhmm", clock)
        if number.whole is None or not number.whole <= 24 or number.one:
            return None
        return Made("hour", Clock(number.whole, bare=True))

    @rules.add("num num", "num =- tens", "num =oh num")
    def hour_and_minute(hour: Number, minute: Number | int) -> Made | None:
        minutes = minute.whole if isinstance(minute, Number) else minute
        words = hour.digits == 0 or getattr(minute, "digits", 2) == 2
        if not words or hour.whole is None or minutes is None or hour.digits > 2:
            return None
        if not (1 <= hour.whole <= 23 and 1 <= minutes <= 59):
            return None
        return Made("hour", Clock(hour.whole, minutes, bare=True))

    @rules.add(
        "=at|=@|=around|=at_about|=at_around|=by_around hour",
        "=at|=around|=about|=approximately hhmm",
    )
    def at_hour(clock: Clock) -> Made:
        return Made("clock", msgspec.structs.replace(clock, bare=False, after_at=True))

    @rules.add("=at|=@|=around|=about|=at_about|=at_around|=approximately|=exactly clock")
    def at_clock(clock: Clock) -> Made:
        return Made("clock", msgspec.structs.replace(clock, after_at=False))

    @rules.add("clock [=-] =ish|=sharp|=exactly|=approximately|=prompt")
    def about(clock: Clock) -> Made:
        return Made("clock", msgspec.structs.replace(clock, after_at=False))

    @rules.add("num [=-] =ish")
    def ish(number: Number) -> Made | None:
        clock = _clock(number, False) or _clock(number, True)
        return None if clock is None else Made("clock", msgspec.structs.replace(clock, bare=False))


def _past_and_to(rules: Rules) -> None:
    @rules.add("=half_past hour|clock", "=half-past hour|clock", "=half hour")
    def half_past(clock: Clock) -> Made | None:
        return _shifted(clock, 30)

    @rules.add("=a_quarter_past|=quarter_past|=a_quarter_after|=quarter_after hour|clock")
    def quarter_past(clock: Clock) -> Made | None:
        return _shifted(clock, 15)

    @rules.add(
        "=a_quarter_to|=quarter_to|=a_quarter_till|=quarter_till|=quarter_of hour|clock",
        "=a_quarter_before|=quarter_before hour|clock",
    )
    def quarter_to(clock: Clock) -> Made | None:
        return _shifted(clock, -15)

    @rules.add("num =past|=after hour|clock", "num unit =past|=after hour|clock")
    def past(minutes: Number, *rest: str | Clock) -> Made | None:
        return _minutes(minutes, rest, 1)

    @rules.add("num =to|=till|=before|=til clock", "num unit =to|=till|=before hour|clock")
    def to(minutes: Number, *rest: str | Clock) -> Made | None:
        return None if _is_range(minutes, rest) else _minutes(minutes, rest, -1)

    @rules.add("num =to hour")
    def bare_to(minutes: Number, clock: Clock) -> Made | None:
        made = None if _is_range(minutes, (clock,)) else _minutes(minutes, (clock,), -1)
        return made and Made("hour", msgspec.structs.replace(made.value, bare=True))


def _parts_of_days(rules: Rules) -> None:
    @rules.add("=in_the|=in|=during_the|=at|=during part", "=in_the =early|=late part")
    def in_part(part: Part) -> Made:
        return Made("inpart", part)

    @rules.add("=at|=during|=over meal")
    def at_meal(part: Part) -> Made:
        return Made("daypart", DayPart(part))

    @rules.add("inpart")
    def alone(part: Part) -> Made:
        return Made("daypart", DayPart(part))

    @rules.add("=this part", "=today part")
    def this(part: Part) -> Made:
        return Made("daypart", DayPart(part, _TODAY))

    @rules.add("clock [=,] inpart|part", "inpart [=,] clock")
    def clock_in_part(*both: Clock | Part) -> Made:
        clock, part = _sorted(both)
        return Made("clock", clock.during(part))

    @rules.add("hour|hhmm inpart")
    def bare_in_part(clock: Clock, part: Part) -> Made:
        fixed = clock.during(part)
        return Made("clock", msgspec.structs.replace(fixed, bare=True))

    @rules.add("inpart =at hour", "part clock")
    def part_first(part: Part, clock: Clock) -> Made:
        return Made("clock", clock.during(part))


def _on_days(rules: Rules) -> None:
    @rules.add("day|domday [=,|=for] part|inpart", "day =- part")
    def day_part(day: When, part: Part) -> Made | None:
        return Made("daypart", DayPart(part, day)) if is_a_day(day) else None

    @rules.add("day|domday [=at|=for|=,] meal")
    def meal(day: When, part: Part) -> Made | None:
        return Made("daypart", DayPart(part, day)) if is_a_day(day) else None

    @rules.add("part|inpart =of|=on day", "inpart [=,] day", "part day")
    def part_of_day(part: Part, day: When) -> Made | None:
        return Made("daypart", DayPart(part, day)) if is_a_day(day) else None

    @rules.add("day|domday [=,|=-|=for] clock", "day =, =at hour")
    def day_clock(day: When, clock: Clock) -> Made | None:
        return Made("moment", Moment(day, clock)) if is_a_day(day) else None

    @rules.add("clock [=,|=of|=for] day", "clock [=on] domday", "clock =, =on domday")
    def clock_day(clock: Clock, day: When) -> Made | None:
        return Made("moment", Moment(day, clock)) if is_a_day(day) else None

    @rules.add("daypart [=,|=for] clock", "clock [=,] daypart")
    def daypart_clock(*both: DayPart | Clock) -> Made | None:
        daypart, clock = both if isinstance(both[0], DayPart) else both[::-1]
        if not isinstance(daypart, DayPart) or not isinstance(clock, Clock):
            return None
        fixed = clock.during(daypart.part)
        return Made("moment", Moment(daypart.day or _TODAY, fixed))

    @rules.add("hour daypart")
    def bare_daypart(clock: Clock, daypart: DayPart) -> Made:
        fixed = msgspec.structs.replace(clock.during(daypart.part), bare=True)
        return Made("moment", Moment(daypart.day or _TODAY, fixed))


_TODAY = Period("day")


def _made(clock: Clock | None) -> Made | None:
    return None if clock is None else Made("clock", clock)


def _clock(number: Number, afternoon: bool) -> Clock | None:
    """``7`` or ``730`` beside am or pm."""
    if number.digits in (3, 4):
        return _hhmm(number)
    hour = number.whole
    if hour is None or not 0 <= hour <= 23 or (hour > 12 and not afternoon) or number.digits > 2:
        return None
    return Clock(hour)


def _hhmm(number: Number) -> Clock | None:
    if number.digits not in (3, 4) or number.whole is None:
        return None
    hour, minute = divmod(number.whole, 100)
    fixed = hour > 12 or hour == 0
    return Clock(hour, minute, fixed=fixed, bare=True) if hour < 24 and minute < 60 else None


def _shifted(clock: Clock, minutes: int) -> Made | None:
    """So many minutes past an hour that is said without its own."""
    if clock.minute is not None or clock.hour > 24:
        return None
    hour = clock.hour if minutes > 0 else (clock.hour - 1) % 24
    if not clock.fixed and minutes < 0 and clock.hour == 1:
        hour = 12
    return Made("clock", Clock(hour, minutes % 60, fixed=clock.fixed))


def _minutes(minutes: Number, rest: tuple[str | Clock, ...], way: int) -> Made | None:
    clock = rest[-1]
    if (len(rest) == 2 and rest[0] != "minute") or not isinstance(clock, Clock):
        return None
    if minutes.whole is None or not 1 <= minutes.whole <= 59:
        return None
    return _shifted(clock, minutes.whole * way)


def _is_range(minutes: Number, rest: tuple[str | Clock, ...]) -> bool:
    """Whether ``5 to 7 pm`` are two hours rather than minutes to one, as ``ten to six`` are."""
    clock = rest[-1]
    if len(rest) == 2 or not isinstance(clock, Clock):
        return False
    return minutes.value not in (5, 10, 20, 25) or minutes.value < (clock.hour % 12 or 12)


def _sorted(both: tuple[Clock | Part, ...]) -> tuple[Clock, Part]:
    clock = next(each for each in both if isinstance(each, Clock))
    return clock, next(each for each in both if isinstance(each, Part))
