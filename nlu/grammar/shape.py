"""Finds as Duckling's server writes them, and a little more.

To Duckling's keys ours are added, which no project written for it reads: ``iso`` (ISO 8601 of
dates, times, intervals and durations), ``currency`` (ISO 4217), ``e164``, and ``other`` where a
date in figures could be read in another order.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nlu.grammar.calendar import Reference, zoned
from nlu.grammar.measures import Amount, AmountRange, Duration, DurationRange
from nlu.grammar.when import MonthDay, Span, When

MOST_VALUES = 3  # of a time that comes again and again


def time_value(when: When, now: Reference) -> dict[str, Any] | None:
    """A time: its likeliest reading, and the next ones in ``values``; None where it is none."""
    spans = [_span(when, now, nth) for nth in range(MOST_VALUES)]
    values = [_written(span, now) for span in spans if span is not None]
    if not values or spans[0] is None:
        return None
    found = {"values": values, **values[0], "iso": _iso(spans[0], now)}
    if isinstance(when, MonthDay) and (other := _other(when, now)):
        found["other"] = other
    return found


def _span(when: When, now: Reference, nth: int) -> Span | None:
    try:
        span = when.at(now, nth)
        if span is not None:
            _written(span, now)  # an offset may lead out of the calendar
    except (OverflowError, ValueError):
        return None
    return span


def _written(span: Span, now: Reference) -> dict[str, Any]:
    ends = {"to": span.end, "from": span.start}
    if not span.interval and span.start is not None:
        return {"value": _local(span.start, now), "grain": span.grain, "type": "value"}
    there = {
        key: {"value": _local(end, now), "grain": span.grain} for key, end in ends.items() if end
    }
    return {**there, "type": "interval"}


def _local(at: datetime, now: Reference) -> str:
    return zoned(at, now.zone).isoformat(timespec="milliseconds")


def _iso(span: Span, now: Reference) -> str:
    """``2026-11``, ``2026-W48``, ``2026-11-22T19:00+01:00`` or two of those with a slash between;
    ``..`` is an open end (ISO 8601-2)."""
    if span.interval:
        ends = (span.start, span.end)
        grain = "day" if span.grain == "week" else span.grain
        return "/".join(".." if end is None else _reduced(end, grain, now) for end in ends)
    return "" if span.start is None else _reduced(span.start, span.grain, now)


def _reduced(at: datetime, grain: str, now: Reference) -> str:
    match grain:
        case "year":
            return f"{at.year:04}"
        case "month":
            return at.isoformat()[:7]
        case "quarter" | "day":
            return at.isoformat()[:10]
        case "week":
            year, week, _ = at.isocalendar()
            return f"{year:04}-W{week:02}"
        case _:
            timespec = "seconds" if grain == "second" else "minutes"
            return zoned(at, now.zone).isoformat(timespec=timespec)


def _other(day: MonthDay, now: Reference) -> str | None:
    """The day in the other order of day and month."""
    if day.other is None:
        return None
    month, number = day.other
    span = _span(MonthDay(number, month, day.year), now, 0)
    return span.start.isoformat()[:10] if span and span.start else None


def duration_value(length: Duration | DurationRange) -> dict[str, Any]:
    """A length of time, or what lies between two."""
    if isinstance(length, DurationRange):
        ends = {"to": length.last, "from": length.first}
        written = {key: {"value": end.count, "unit": end.grain} for key, end in ends.items()}
        return {**written, "type": "interval", "iso": f"{length.first.iso}/{length.last.iso}"}
    return {
        "value": length.count,
        length.grain: length.count,
        "type": "value",
        "unit": length.grain,
        "normalized": {"value": length.seconds, "unit": "second"},
        "iso": length.iso,
    }


def amount_value(amount: Amount | AmountRange) -> dict[str, Any]:
    """An amount of money, or what lies between two."""
    if isinstance(amount, Amount):
        return {"value": amount.value, "type": "value", "unit": amount.unit, **_code(amount)}
    ends = {"to": amount.last, "from": amount.first}
    known = {
        key: {"value": end.value, "unit": end.unit} for key, end in ends.items() if end is not None
    }
    return {**known, "type": "interval", **_code(amount.first or amount.last)}


def _code(amount: Amount | None) -> dict[str, str]:
    return {"currency": amount.code} if amount and amount.code else {}


def number_value(value: float) -> dict[str, Any]:
    """A number or an ordinal."""
    return {"value": value, "type": "value"}
