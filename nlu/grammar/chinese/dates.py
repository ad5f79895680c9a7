"""Chinese dates: 下周三, 三月五号, 2026年3月5日, 下个月三号, 十月第一个星期一."""

from __future__ import annotations

import msgspec

from nlu.grammar.chart import Made, Rules
from nlu.grammar.interval import Range
from nlu.grammar.numerals import Number
from nlu.grammar.related import EdgeOf, NthOf, Stretch
from nlu.grammar.seasons import Season
from nlu.grammar.when import (
    DayOfPeriod,
    Holiday,
    Month,
    MonthDay,
    Period,
    Quarter,
    Weekday,
    WeekdayOfWeek,
    Weekend,
    When,
    Year,
)


def add_dates(rules: Rules) -> None:
    """What days, weeks, months and years are said with."""
    _weeks(rules)
    _days_of_months(rules)
    _months_and_years(rules)


def _weeks(rules: Rules) -> None:
    @rules.add("weekday")
    def weekday(day: int) -> Made:
        return Made("day", Weekday(day))

    @rules.add("weekrel weekday")
    def of_week(weeks: int, day: int) -> Made:
        return Made("day", WeekdayOfWeek(day, weeks))

    @rules.add("weekrel week")
    def week(weeks: int, _: None) -> Made:
        return Made("day", Period("week", weeks))

    @rules.add("weekrel weekend")
    def relative_weekend(weeks: int, _: None) -> Made:
        return Made("interval", Weekend(weeks))

    @rules.add("weekend")
    def weekend(_: None) -> Made:
        return Made("interval", Weekend())

    @rules.add("=未来|=接下来 cnum unit", "=接下来的|=未来的 cnum unit")
    def coming(number: Number, unit: str) -> Made | None:
        return _stretch(number, unit, 1)

    @rules.add("=过去|=最近 cnum unit", "=过去的|=最近的 cnum unit")
    def past(number: Number, unit: str) -> Made | None:
        return _stretch(number, unit, -1)


def _days_of_months(rules: Rules) -> None:
    @rules.add("cnum =号|=號|=日")
    def day(number: Number) -> Made | None:
        whole = number.whole
        return Made("dom", whole) if whole is not None and 1 <= whole <= 31 else None

    @rules.add("dom")
    def day_alone(day: int) -> Made:
        return Made("domday", MonthDay(day))  # 三号 alone is a table or a metro line as well

    @rules.add("hanmonth dom", "hanmonth hannum")
    def month_day(month: int, day: int | Number) -> Made | None:
        number = day.whole if isinstance(day, Number) else day
        if number is None or not 1 <= number <= 31:
            return None
        return Made("monthday", MonthDay(number, month))

    @rules.add("hanyear [=的] monthday")
    def with_year(year: int, day: MonthDay) -> Made:
        return Made("monthday", msgspec.structs.replace(day, year=year))

    @rules.add("yearspan [=的] monthday")
    def of_relative_year(year: Period, day: MonthDay) -> Made | None:
        if day.month is None:
            return None
        return Made("day", DayOfPeriod(day.day, NthOf(day.month, None, "month", year)))

    @rules.add("monthspan [=的] dom")
    def of_month(month: When, day: int) -> Made:
        return Made("day", DayOfPeriod(day, month))

    @rules.add("monthday [=,] weekday", "monthday [=,] =( weekday =)")
    def then_weekday(day: MonthDay, weekday: int) -> Made:
        return Made("monthday", msgspec.structs.replace(day, weekday=weekday))

    @rules.add("weekday [=,] monthday")
    def weekday_first(weekday: int, day: MonthDay) -> Made:
        return Made("monthday", msgspec.structs.replace(day, weekday=weekday))

    @rules.add("monthday")
    def complete(day: MonthDay) -> Made:
        return Made("day", day)

    @rules.add("monthspan [=的] ord =个|=個 weekday")
    def nth_weekday(month: When, count: int, weekday: int) -> Made:
        return Made("day", NthOf(count, weekday, "day", month))

    @rules.add("monthspan [=的] =最后一个|=最后一個 weekday")
    def last_weekday(month: When, weekday: int) -> Made:
        return Made("day", NthOf(-1, weekday, "day", month))

    @rules.add("monthspan|yearspan [=的] =最后一天")
    def last_day(month: When) -> Made:
        return Made("day", NthOf(-1, None, "day", month))

    @rules.add("hanmonth dom =到|=至|=- dom")
    def days_of_month(month: int, first: int, last: int) -> Made | None:
        if first >= last:
            return None
        return Made("interval", Range(MonthDay(first, month), MonthDay(last, month)))


def _months_and_years(rules: Rules) -> None:
    @rules.add("cnum =月|=月份")
    def month(number: Number) -> Made | None:
        whole = number.whole
        return Made("hanmonth", whole) if whole is not None and 1 <= whole <= 12 else None

    @rules.add("hanmonth")
    def month_alone(number: int) -> Made:
        return Made("monthspan", Month(number))

    @rules.add("hannum =年", "year =年")
    def year(number: Number | int) -> Made | None:
        whole = number.whole if isinstance(number, Number) else number
        return Made("hanyear", whole) if whole is not None and 1900 <= whole <= 2100 else None

    @rules.add("hanyear")
    def year_alone(number: int) -> Made:
        return Made("yearspan", Year(number))

    @rules.add("hanyear [=的] hanmonth")
    def month_of_year(year: int, month: int) -> Made:
        return Made("monthspan", Month(month, year))

    @rules.add("yearspan [=的] hanmonth")
    def month_of_relative_year(year: When, month: int) -> Made | None:
        return Made("monthspan", NthOf(month, None, "month", year))

    @rules.add("monthrel")
    def relative_month(count: int) -> Made:
        return Made("monthspan", Period("month", count))

    @rules.add("quarterrel")
    def relative_quarter(count: int) -> Made:
        return Made("day", Period("quarter", count))

    @rules.add("ord =季度", "hanyear ord =季度")
    def quarter(*parts: int) -> Made | None:
        number, year = parts[-1], parts[0] if len(parts) > 1 else None
        return Made("day", Quarter(number, year)) if number <= 4 else None

    @rules.add("monthspan|yearspan")
    def whole(period: When) -> Made:
        return Made("day", period)

    @rules.add("=这个|=這個 season")
    def this_season(season: int) -> Made:
        return Made("interval", Season(season))

    @rules.add("yearspan [=的] season")
    def season_of_relative_year(year: When, season: int) -> Made | None:
        if not isinstance(year, Period):
            return None
        return Made("interval", Season(season, years=year.count))

    @rules.add("hanyear [=的] season")
    def season_of_year(year: int, season: int) -> Made:
        return Made("interval", Season(season, year=year))

    @rules.add("monthspan =初|=头")
    def beginning(period: When) -> Made:
        return Made("interval", EdgeOf(0, period))

    @rules.add("monthspan =中旬|=中")
    def middle(period: When) -> Made:
        return Made("interval", EdgeOf(1, period))

    @rules.add("monthspan =底|=末|=尾|=下旬")
    def end(period: When) -> Made:
        return Made("interval", EdgeOf(2, period))

    @rules.add("=月底|=月末")
    def end_of_month() -> Made:
        return Made("interval", EdgeOf(2, Period("month")))

    @rules.add("=年底|=年末", "yearspan =底|=年底")
    def end_of_year(period: When | None = None) -> Made:
        return Made("interval", EdgeOf(2, period or Period("year")))

    @rules.add("holiday", "holiday =当天|=那天")
    def holiday(day: Holiday) -> Made:
        return Made("day", day)

    @rules.add("hanyear [=的] holiday")
    def holiday_of_year(year: int, day: Holiday) -> Made:
        return Made("day", msgspec.structs.replace(day, year=year))


def _stretch(number: Number, unit: str, way: int) -> Made | None:
    if number.whole is None or not 0 < number.whole < 10_000:
        return None
    return Made("interval", Stretch(number.whole * way, unit))
