"""Days as people write them."""

from __future__ import annotations

import re
from datetime import date, timedelta

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}

_IN = re.compile(r"\bin (\d{1,2}|[a-z]+) (day|week)s?\b")
_ISO = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")
_SLASHED = re.compile(r"\b(\d{1,2})[./](\d{1,2})(?:[./](\d{4}|\d{2}))?(?!\d)")
_DAY_MONTH = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?([a-z]{3,9})\b")
_MONTH_DAY = re.compile(r"\b([a-z]{3,9})\s+(?:the\s+)?(\d{1,2})(?:st|nd|rd|th)?\b")
_DAY_ONLY = re.compile(r"^(?:the\s+)?(\d{1,2})(?:st|nd|rd|th)$")


def read_date(text: str, today: date) -> date | None:
    """The day ``text`` means when said on ``today``, looking forward; None if it is no day.

    ``12/03`` is the twelfth of March. A weekday is the next one after today; ``next Friday`` is
    the Friday of next week.
    """
    said = text.lower().replace(",", " ").strip()
    return (
        _relative(said, today)
        or _numeric(said, today)
        or _named(said, today)
        or _weekday(said, today)
    )


def _relative(said: str, today: date) -> date | None:
    for phrase, days in (("day after tomorrow", 2), ("tomorrow", 1), ("today", 0), ("tonight", 0)):
        if phrase in said:
            return today + timedelta(days=days)
    if found := _IN.search(said):
        number = found[1]
        count = int(number) if number.isdigit() else NUMBERS.get(number)
        if count is not None:  # two digits at most, so this cannot leave the calendar
            return today + timedelta(days=count * (7 if found[2] == "week" else 1))
    if said in {"next week", "a week from now", "a week from today"}:
        return today + timedelta(days=7)
    return None


def _numeric(said: str, today: date) -> date | None:
    if found := _ISO.search(said):
        return _day(int(found[1]), int(found[2]), int(found[3]))
    if found := _SLASHED.search(said):
        day, month = int(found[1]), int(found[2])
        if found[3]:
            year = int(found[3])
            return _day(year if year > 99 else 2000 + year, month, day)
        return _coming(month, day, today)
    return None


def _named(said: str, today: date) -> date | None:
    for found, day_at, month_at in (
        *((match, 1, 2) for match in _DAY_MONTH.finditer(said)),
        *((match, 2, 1) for match in _MONTH_DAY.finditer(said)),
    ):
        month = _month(found[month_at])
        if month:
            return _coming(month, int(found[day_at]), today)
    if alone := _DAY_ONLY.search(said):
        day = int(alone[1])
        this_month = _day(today.year, today.month, day)
        if this_month and this_month >= today:
            return this_month
        return _day(today.year + today.month // 12, today.month % 12 + 1, day)
    return None


def _weekday(said: str, today: date) -> date | None:
    for word in re.findall(r"[a-z]+", said):
        for number, name in enumerate(WEEKDAYS):
            if (len(word) >= 3 and name.startswith(word)) or word == name + "s":
                ahead = (number - today.weekday()) % 7 or 7
                next_week = "next" in said.split() and ahead + today.weekday() < 7
                return today + timedelta(days=ahead + (7 if next_week else 0))
    return None


def _month(word: str) -> int | None:
    matches = [
        number for number, name in enumerate(MONTHS, 1) if len(word) >= 3 and name.startswith(word)
    ]
    return matches[0] if matches else (9 if word == "sept" else None)


def _coming(month: int, day: int, today: date) -> date | None:
    this_year = _day(today.year, month, day)
    if this_year and this_year >= today:
        return this_year
    return _day(today.year + 1, month, day)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
