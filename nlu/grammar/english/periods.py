"""English weeks, months, quarters and years, and parts of them: last quarter, early march."""

from __future__ import annotations

import msgspec

from nlu.grammar.chart import Made, Rules
from nlu.grammar.clock import DayPart, Part
from nlu.grammar.english.words import EVENING
from nlu.grammar.interval import Since, Until
from nlu.grammar.numerals import Number
from nlu.grammar.related import EdgeOf, NthOf, Stretch, WeekOf
from nlu.grammar.seasons import Season
from nlu.grammar.when import Holiday, Month, Period, Quarter, Weekend, When, Year

LATE = 21  # o'clock: late last night


def add_periods(rules: Rules) -> None:
    """What is longer than a day."""
    _months_and_years(rules)
    _periods(rules)
    _parts_of_periods(rules)


def _months_and_years(rules: Rules) -> None:
    @rules.add("clearmonth")
    def month(number: int) -> Made:
        return Made("monthspan", Month(number))

    @rules.add("=in|=during month")
    def in_month(number: int) -> Made:
        return Made("day", Month(number))

    @rules.add("rel month")
    def relative_month(rel: int, number: int) -> Made:
        return Made("monthspan", Month(number, rel=rel))

    @rules.add("month year", "month =,|=of|=in year", "month =' =s year")
    def month_of_year(number: int, year: int) -> Made:
        return Made("monthspan", Month(number, year))

    @rules.add("month =of|=in rel unit", "month rel unit")
    def month_of_relative(number: int, rel: int, unit: str) -> Made | None:
        if unit != "year":
            return None
        return Made("monthspan", NthOf(number, None, "month", Period("year", rel)))

    @rules.add("=in|=during|=the_year|=in_the_year year")
    def in_year(number: int) -> Made:
        return Made("day", Year(number))

    @rules.add("=since|=after year")
    def since_year(number: int) -> Made:
        return Made("interval", Since(Year(number)))

    @rules.add("=until|=before year")
    def until_year(number: int) -> Made:
        return Made("interval", Until(Year(number)))

    @rules.add("year")
    def year(number: int) -> Made:
        return Made("yearspan", Year(number))

    @rules.add("[=the] ord unit", "[=the] ord unit year", "[=the] ord unit =of|=in year")
    def quarter(number: int, unit: str, year: int | None = None) -> Made | None:
        if unit != "quarter" or number > 4:
            return None
        return Made("day", Quarter(number, year))

    @rules.add("holiday year", "holiday =in|=of year")
    def holiday_of_year(day: Holiday, year: int) -> Made:
        return Made("day", msgspec.structs.replace(day, year=year))

    @rules.add("rel holiday")
    def relative_holiday(rel: int, day: Holiday) -> Made:
        return Made("day", msgspec.structs.replace(day, back=rel < 0))

    @rules.add("holiday")
    def holiday(day: Holiday) -> Made:
        return Made("day", day)

    @rules.add("monthspan")
    def whole_month(month: When) -> Made:
        return Made("day", month)


def _periods(rules: Rules) -> None:
    @rules.add("rel unit")
    def relative(rel: int, unit: str) -> Made | None:
        if unit in ("second", "minute", "hour", "day"):
            return None
        kind = {"month": "monthspan", "year": "yearspan"}.get(unit, "day")
        return Made(kind, Period(unit, rel))

    @rules.add("yearspan")
    def whole_year(year: When) -> Made | None:
        return Made("day", year) if isinstance(year, Period) else None

    @rules.add("rel weekend")
    def relative_weekend(rel: int, _: None) -> Made:
        return Made("interval", Weekend(rel))

    @rules.add("=the weekend", "=on|=at|=over [=the] weekend")
    def weekend(_: None) -> Made:
        return Made("interval", Weekend())

    @rules.add("rel season")
    def relative_season(rel: int, season: int) -> Made:
        return Made("interval", Season(season, rel))

    @rules.add("season year", "=in|=during [=the] season [=of] year", "=the season =of year")
    def season_of_year(season: int, year: int) -> Made:
        return Made("interval", Season(season, year=year))

    @rules.add("=in [=the] season", "=during [=the] season")
    def season(season: int) -> Made:
        return Made("interval", Season(season))

    @rules.add("rel num unit", "rel few unit")
    def stretch(rel: int, count: Number, unit: str) -> Made | None:
        if rel == 0 or count.whole is None or not 0 < count.whole < 10_000:
            return None
        return Made("interval", Stretch(count.whole * rel, unit))

    @rules.add("=the_week_of day")
    def week_of(day: When) -> Made:
        return Made("day", WeekOf(day))


def _parts_of_periods(rules: Rules) -> None:
    @rules.add("edge =of monthspan|yearspan", "earlylate monthspan")
    def edge(part: int, base: When) -> Made:
        return Made("edgespan", EdgeOf(part, base))

    @rules.add("edge =of month", "earlylate month")
    def edge_of_month(part: int, month: int) -> Made:
        return Made("edgespan", EdgeOf(part, Month(month)))

    @rules.add("edge =of [=the] unit")
    def edge_of_this(part: int, unit: str) -> Made | None:
        if unit == "day":
            return Made("daypart", DayPart(Part(17, 24), Period("day"))) if part == 2 else None
        return Made("edgespan", EdgeOf(part, Period(unit))) if unit != "hour" else None

    @rules.add("edge =of rel unit")
    def edge_of_relative(part: int, rel: int, unit: str) -> Made | None:
        if unit not in ("week", "month", "year"):
            return None
        return Made("edgespan", EdgeOf(part, Period(unit, rel)))

    @rules.add("=at|=around|=towards edgespan", "edgespan")
    def at_edge(edge: EdgeOf) -> Made:
        return Made("interval", edge)

    @rules.add("rel =night")
    def last_night(rel: int) -> Made:
        return Made("daypart", DayPart(EVENING, Period("day", rel)))

    @rules.add("=late rel =night")
    def late_last_night(rel: int) -> Made:
        return Made("daypart", DayPart(Part(LATE, 24), Period("day", rel)))
