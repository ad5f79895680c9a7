"""English durations: half an hour, two and a half hours, 1h30, a fortnight."""

from __future__ import annotations

from nlu.grammar.chart import Made, Rules
from nlu.grammar.measures import Duration, between, duration
from nlu.grammar.numerals import Number


def add_durations(rules: Rules) -> None:
    """What durations are made of."""

    @rules.add("num [=more|=-] unit", "few [=more] unit")
    def counted(number: Number, unit: str) -> Made | None:
        return _made(number.value, unit)

    @rules.add("article unit")
    def one(article: Number, unit: str) -> Made | None:
        return _made(1, unit, loose=True)

    @rules.add("=a_fortnight|=fortnight|=one_fortnight")
    def fortnight() -> Made:
        return Made("duration", Duration(14, "day"))

    @rules.add("num =fortnights")
    def fortnights(number: Number) -> Made | None:
        return _made(number.value * 14, "day")

    @rules.add("=half [article|=-] unit", "=a_half unit")
    def half(*parts: Number | str) -> Made | None:
        unit = str(parts[-1])
        return None if unit == "quarter" else _made(0.5, unit)

    @rules.add("=a_quarter_of|=quarter_of article unit", "=a_quarter unit")
    def quarter(*parts: Number | str) -> Made | None:
        return _made(0.25, str(parts[-1]))

    @rules.add("=three_quarters_of|=three-quarters_of article unit")
    def three_quarters(article: Number, unit: str) -> Made | None:
        return _made(0.75, unit)

    @rules.add("num =and_a_half|=and_an_half unit")
    def and_a_half(number: Number, unit: str) -> Made | None:
        return _made(number.value + 0.5, unit)

    @rules.add("num|article unit =and_a_half")
    def unit_and_a_half(number: Number, unit: str) -> Made | None:
        return _made(number.value + 0.5, unit)

    @rules.add("num =h num")
    def hours_and_minutes(hours: Number, minutes: Number) -> Made | None:
        if minutes.digits != 2 or minutes.value >= 60 or not hours.digits:
            return None
        return _made(hours.value * 60 + minutes.value, "minute")

    @rules.add("duration [=and|=,] duration", "duration =, =and duration")
    def together(first: Duration, second: Duration) -> Made | None:
        both = first.plus(second)
        return None if both is None else Made("duration", both)

    @rules.add("num|duration =-|=to|=or duration", "=between num|duration =and duration")
    def from_to(first: Number | Duration, last: Duration) -> Made | None:
        found = between(first.value if isinstance(first, Number) else first, last)
        return None if found is None else Made("durationrange", found)

    @rules.add("=about|=exactly|=approximately|=around|=roughly duration")
    def about(length: Duration) -> Made:
        return Made("duration", length)


def _made(count: float, unit: str, *, loose: bool = False) -> Made | None:
    found = duration(count, unit, loose=loose)
    return None if found is None else Made("duration", found)
