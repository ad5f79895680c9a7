"""English dates: next friday, the 3rd of march 2027, the last monday of may, two weeks ago."""

from __future__ import annotations

import msgspec

from nlu.grammar.chart import Made, Rules
from nlu.grammar.measures import Duration
from nlu.grammar.numerals import Number
from nlu.grammar.related import Away, NthOf, Within
from nlu.grammar.when import DayOfPeriod, Month, MonthDay, Period, Weekday, WeekdayOfWeek, When


def add_dates(rules: Rules) -> None:
    """What days, weeks, months and years are said with."""
    _weekdays(rules)
    _days_of_months(rules)
    _distances(rules)
    _with_small_words(rules)


def _weekdays(rules: Rules) -> None:
    @rules.add("clearweekday", "=on weekday [=.]", "clearweekday =.", "weekday =.")
    def weekday(day: int) -> Made:
        return Made("day", Weekday(day))

    @rules.add("rel weekday")
    def relative(rel: int, day: int) -> Made:
        return Made("day", Weekday(day, back=rel < 0))

    @rules.add("weekday rel unit", "weekday =of|=in|=from rel unit")
    def of_week(day: int, rel: int, unit: str) -> Made | None:
        return Made("day", WeekdayOfWeek(day, rel)) if unit == "week" else None

    @rules.add("rel unit weekday", "rel unit =' =s weekday")
    def week_with_day(rel: int, unit: str, day: int) -> Made | None:
        return Made("day", WeekdayOfWeek(day, rel)) if unit == "week" else None

    @rules.add("weekday =after =next")
    def after_next(day: int) -> Made:
        return Made("day", Away(1, "week", Weekday(day)))

    @rules.add("weekday =week")
    def week_on(day: int) -> Made:
        return Made("day", Away(1, "week", Weekday(day)))


def _days_of_months(rules: Rules) -> None:
    @rules.add("month [=.] num", "month [=.] [=the] ord")
    def month_first(month: int, day: Number | int) -> Made | None:
        return _month_day(day, month)

    @rules.add("num [=of] month", "[=the] ord [=of|=in|=day_of|=day_in] month")
    def day_first(day: Number | int, month: int) -> Made | None:
        return _month_day(day, month)

    @rules.add("=the ord")
    def day_alone(day: int) -> Made | None:
        return Made("domday", MonthDay(day)) if day <= 31 else None

    @rules.add("=on ord", "=on domday")
    def on_day(day: int | MonthDay) -> Made | None:
        found = day if isinstance(day, MonthDay) else MonthDay(day)
        return Made("day", found) if found.day <= 31 else None

    @rules.add("monthday")
    def complete(day: MonthDay) -> Made:
        return Made("day", day)

    @rules.add("monthday year", "monthday =,|=of|=in year")
    def with_year(day: MonthDay, year: int) -> Made | None:
        return None if day.year else Made("monthday", msgspec.structs.replace(day, year=year))

    @rules.add("weekday [=,|=.] [=the] monthday", "weekday =. =, monthday")
    def weekday_first(weekday: int, day: MonthDay) -> Made:
        return Made("monthday", msgspec.structs.replace(day, weekday=weekday))

    @rules.add("weekday [=,] [=the] ord", "weekday [=,] domday")
    def weekday_and_day(weekday: int, day: int | MonthDay) -> Made | None:
        number = day.day if isinstance(day, MonthDay) else day
        return Made("monthday", MonthDay(number, weekday=weekday)) if number <= 31 else None

    @rules.add("monthday [=,] [=on] weekday", "monthday =, =on weekday")
    def weekday_last(day: MonthDay, weekday: int) -> Made | None:
        if day.weekday is not None:
            return None
        return Made("monthday", msgspec.structs.replace(day, weekday=weekday))

    @rules.add("rel monthday")
    def last_day(rel: int, day: MonthDay) -> Made | None:
        if day.year is not None or rel == 0:
            return None
        return Made("day", msgspec.structs.replace(day, back=rel < 0))

    @rules.add("[=the] ord =of|=in rel unit")
    def day_of_month(day: int, rel: int, unit: str) -> Made | None:
        return Made("day", DayOfPeriod(day, Period("month", rel))) if unit == "month" else None

    @rules.add("[=the] ord weekday =of|=in [=the] month", "[=the] ord weekday =of|=in monthspan")
    def nth_weekday(count: int, weekday: int, month: int | When) -> Made | None:
        return _nth(count, weekday, "day", month)

    @rules.add("rel weekday =of|=in month", "rel weekday =of|=in monthspan")
    def last_weekday(rel: int, weekday: int, month: int | When) -> Made | None:
        return _nth(-1, weekday, "day", month) if rel < 0 else None

    @rules.add("[=the] ord unit =of|=in month", "[=the] ord unit =of|=in monthspan|yearspan")
    def nth_unit(count: int, unit: str, base: int | When) -> Made | None:
        return _nth(count, None, unit, base) if unit in ("day", "week") else None

    @rules.add("rel unit =of|=in month", "rel unit =of|=in monthspan|yearspan")
    def last_unit(rel: int, unit: str, base: int | When) -> Made | None:
        return _nth(-1, None, unit, base) if rel < 0 and unit in ("day", "week") else None


def _distances(rules: Rules) -> None:
    @rules.add("=in duration", "=in =about duration", "duration =from_now|=hence|=later")
    def ahead(duration: Duration) -> Made | None:
        return _away(duration, 1)

    @rules.add("duration =from_today")
    def from_today(duration: Duration) -> Made | None:
        return Made("day", Away(duration.count, duration.grain, Period("day")))

    @rules.add("duration =ago|=earlier|=back")
    def ago(duration: Duration) -> Made | None:
        return _away(duration, -1)

    @rules.add("duration =after|=from day", "duration =after|=from moment|clock")
    def after(duration: Duration, base: When) -> Made:
        kind = "moment" if duration.grain in ("second", "minute", "hour") else "day"
        return Made(kind, Away(duration.count, duration.grain, base))

    @rules.add("duration =before day", "duration =before moment|clock")
    def before(duration: Duration, base: When) -> Made:
        kind = "moment" if duration.grain in ("second", "minute", "hour") else "day"
        return Made(kind, Away(-duration.count, duration.grain, base))

    @rules.add("=within duration", "=within =the =next duration")
    def within(duration: Duration) -> Made:
        return Made("interval", Within(duration.count, duration.grain))


def _with_small_words(rules: Rules) -> None:
    @rules.add("=on|=at|=around|=approximately day", "=in|=during monthspan")
    def small(day: When) -> Made:
        return Made("day", day)


def _month_day(day: Number | int, month: int) -> Made | None:
    if isinstance(day, Number):
        if day.whole is None or day.digits > 2 or day.one:
            return None
        day = day.whole
    return Made("monthday", MonthDay(day, month)) if 1 <= day <= 31 else None


def _nth(count: int, weekday: int | None, grain: str, base: int | When) -> Made:
    month = Month(base) if isinstance(base, int) else base
    return Made("day", NthOf(count, weekday, grain, month))


def _away(duration: Duration, way: int) -> Made:
    kind = "moment" if duration.grain in ("second", "minute", "hour") else "day"
    return Made(kind, Away(duration.count * way, duration.grain))
