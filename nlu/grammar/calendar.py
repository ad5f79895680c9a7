"""Steps on the calendar: periods, their beginnings, and what a user's clock shows."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

GRAINS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
FINER = {
    "second": "second",
    "minute": "second",
    "hour": "minute",
    "day": "hour",
    "week": "day",
    "month": "day",
    "quarter": "month",
    "year": "month",
}
"""How exactly ``in 2 hours`` and the like are meant: one grain finer than they are said."""

SECONDS = {"second": 1, "minute": 60, "hour": 3600}
DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "quarter": 3, "year": 12}


class Reference(NamedTuple):
    """What "now" is: the time on the user's clock, without a zone, and the zone it is in."""

    local: datetime
    zone: tzinfo

    @property
    def today(self) -> datetime:
        """Midnight of the user's day."""
        return floor(self.local, "day")

    def later(self, seconds: float) -> datetime:
        """The user's clock after so many seconds have passed, whatever it was set to meanwhile."""
        moved = self.local.replace(tzinfo=self.zone).astimezone(UTC) + timedelta(seconds=seconds)
        return moved.astimezone(self.zone).replace(tzinfo=None)


def reference(at: float, zone: tzinfo) -> Reference:
    """The user's clock at ``at``, in seconds since the epoch."""
    return Reference(datetime.fromtimestamp(at, zone).replace(tzinfo=None), zone)


def zoned(local: datetime, zone: tzinfo) -> datetime:
    """``local`` with its offset. Where clocks are put forward an hour is missing: a time in it is
    that much later. Where they are put back an hour comes twice: its first is meant."""
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)


def floor(at: datetime, grain: str) -> datetime:
    """The beginning of the period that ``at`` is in. A week begins on Monday."""
    match grain:
        case "second":
            return at.replace(microsecond=0)
        case "minute":
            return at.replace(second=0, microsecond=0)
        case "hour":
            return at.replace(minute=0, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    match grain:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1)
        case _:
            return day.replace(day=1, month=1)


def step(at: datetime, grain: str, count: float) -> datetime:
    """``at`` moved by ``count`` periods; a day that its month has not is the month's last.

    Raises OverflowError or ValueError beyond the years 1 to 9999.
    """
    if grain in MONTHS:
        months = at.year * 12 + at.month - 1 + round(count * MONTHS[grain])
        year, month = divmod(months, 12)
        if not 1 <= year <= 9999:
            raise OverflowError(f"the year {year}")
        return at.replace(
            year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1])
        )
    if grain in DAYS:
        return at + timedelta(days=count * DAYS[grain])
    return at + timedelta(seconds=count * SECONDS[grain])


def day_of(year: int, month: int, day: int) -> datetime | None:
    """That day, None where there is none."""
    if not (1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]):
        return None
    return datetime(year, month, day)  # noqa: DTZ001 — the user's own clock
