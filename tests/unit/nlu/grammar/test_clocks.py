"""Zones, summer time, leap days, the turn of the year, locales: where reckoning goes wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from nlu.grammar.calendar import Reference, reference
from tests.unit.nlu.grammar.seen import BERLIN, found, times


def at(*when: int, zone: ZoneInfo = BERLIN) -> Reference:
    return Reference(datetime(*when), zone)


def value(text: str, now: Reference) -> str:
    (find,) = found(text, now=now, dimensions=("time",))
    return str(find.value["value"])


def test_a_time_bears_the_offset_of_its_own_day() -> None:
    november = at(2026, 11, 18, 10)
    assert value("tomorrow at 7pm", november) == "2026-11-19T19:00:00.000+01:00"
    assert value("july 1st", november) == "2027-07-01T00:00:00.000+02:00"


def test_the_hour_that_is_left_out_in_spring_is_an_hour_later() -> None:
    assert value("tomorrow at 2:30 am", at(2026, 3, 28, 12)) == "2026-03-29T03:30:00.000+02:00"


def test_of_the_hour_that_comes_twice_in_autumn_the_first_is_meant() -> None:
    assert value("tomorrow at 2:30 am", at(2026, 10, 24, 12)) == "2026-10-25T02:30:00.000+02:00"


def test_in_three_hours_is_three_hours_though_the_clock_is_changed_meanwhile() -> None:
    assert value("in 3 hours", at(2026, 3, 29, 1)) == "2026-03-29T05:00:00.000+02:00"
    assert value("in 3 hours", at(2026, 10, 25, 1)) == "2026-10-25T03:00:00.000+01:00"


def test_in_a_day_is_the_same_hour_though_the_clock_is_changed_meanwhile() -> None:
    assert value("in 1 day", at(2026, 3, 28, 12)) == "2026-03-29T12:00:00.000+02:00"


def test_the_users_day_is_that_of_the_users_zone() -> None:
    moment = datetime(2026, 11, 18, 23, 30, tzinfo=UTC).timestamp()
    assert value("today", reference(moment, UTC)) == "2026-11-18T00:00:00.000+00:00"
    assert value("today", reference(moment, BERLIN)) == "2026-11-19T00:00:00.000+01:00"
    zone = ZoneInfo("America/Los_Angeles")
    assert value("today", reference(moment, zone)) == "2026-11-18T00:00:00.000-08:00"


def test_a_leap_day_is_the_next_that_there_is() -> None:
    assert value("february 29", at(2026, 11, 18)) == "2028-02-29T00:00:00.000+01:00"
    assert times("february 29 2027") == []
    assert times("the 31st of april") == []


def test_a_month_after_its_last_day_is_the_last_day() -> None:
    assert value("in one month", at(2026, 1, 31)).startswith("2026-02-28")
    assert value("one year ago", at(2028, 2, 29)).startswith("2027-02-01")


@pytest.mark.parametrize(
    ("text", "month", "iso"),
    [
        ("in january", 11, "2027-01"),
        ("in january", 1, "2026-01"),
        ("in november", 11, "2026-11"),
        ("next november", 11, "2027-11"),
        ("last november", 11, "2025-11"),
        ("last january", 11, "2026-01"),
        ("next month", 12, "2027-01"),
        ("last month", 1, "2025-12"),
        ("last quarter", 2, "2025-10-01"),
        ("jan 5", 12, "2027-01-05"),
    ],
)
def test_the_year_turns_over(text: str, month: int, iso: str) -> None:
    (find,) = found(text, now=at(2026, month, 18, 10), dimensions=("time",))
    assert find.value["iso"] == iso


@pytest.mark.parametrize("day", range(1, 29))
def test_a_weekday_lies_in_the_seven_days_to_come(day: int) -> None:
    now = at(2026, 2, day, 9)
    for number, name in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday")):
        found_day = datetime.fromisoformat(value(f"next {name}", now)).replace(tzinfo=None)
        assert found_day.weekday() == number
        assert timedelta(0) < found_day - now.today <= timedelta(7)


@pytest.mark.parametrize(
    ("locale", "text", "iso", "other"),
    [
        ("en_US", "05/06/2027", "2027-05-06", "2027-06-05"),
        ("en_GB", "05/06/2027", "2027-06-05", "2027-05-06"),
        ("de_DE", "05.06.2027", "2027-06-05", "2027-05-06"),
        ("en_US", "25/12/2026", "2026-12-25", None),
        ("en_GB", "12/25/2026", "2026-12-25", None),
        ("en_GB", "06/06/2027", "2027-06-06", None),
        ("zh", "2026/12/25", "2026-12-25", None),
    ],
)
def test_the_order_of_day_and_month_is_the_locales_and_the_other_is_told(
    locale: str, text: str, iso: str, other: str | None
) -> None:
    (find,) = found(text, locale=locale, dimensions=("time",))
    assert (find.value["iso"], find.value.get("other")) == (iso, other)


@pytest.mark.parametrize("text", ["31/31/2026", "99:99", "25:00", "2026-13-01", "2026-02-30"])
def test_figures_that_are_no_time_are_none(text: str) -> None:
    assert times(text) == []


@pytest.mark.parametrize(
    "text", ["in 99999999 years", "9999999 weeks ago", "in 999999999999 days", "0001-01-01 00:00"]
)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Apia", "America/Adak"])
def test_beyond_the_calendar_there_is_nothing(text: str, zone: str) -> None:
    found(text, now=at(2026, 11, 18, zone=ZoneInfo(zone)))


def test_a_bare_hour_is_a_time_only_where_latent_ones_are_wanted() -> None:
    assert times("7") == []
    assert times("7", latent=True) == [("7", "2026-11-18T19:00")]
    assert times("1030", latent=True) == [("1030", "2026-11-18T10:30")]
    assert times("morning", latent=True) == [("morning", "2026-11-18T04:00/2026-11-18T12:00")]
