"""English words of time."""

from __future__ import annotations

from typing import Any

from nlu.grammar.clock import Clock, DayPart, Part
from nlu.grammar.holidays import ENGLISH
from nlu.grammar.seasons import AUTUMN, SPRING, SUMMER, WINTER
from nlu.grammar.when import Holiday, Now, Period, When

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}
WEAK_MONTHS = ("march", "mar", "may", "jun", "jan", "august", "april", "june")
"""Also verbs and names: dates only beside something that says so."""
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday mon mondays",
            "tuesday tue tues tuesdays",
            "wednesday wed weds wednesdays",
            "thursday thu thur thurs thursdays",
            "friday fri fridays",
            "saturday sat saturdays",
            "sunday sun sundays",
        )
    )
    for name in names.split()
}
WEAK_WEEKDAYS = ("mon", "wed", "weds", "sat", "sun", "thu", "fri", "tue")
UNITS = {
    name: grain
    for grain, names in {
        "second": "second seconds sec secs",
        "minute": "minute minutes min mins",
        "hour": "hour hours hr hrs h",
        "day": "day days",
        "week": "week weeks wk wks",
        "month": "month months",
        "quarter": "quarter quarters qtr",
        "year": "year years yr yrs",
    }.items()
    for name in names.split()
}
RELATIVE = {
    "this": 0,
    "current": 0,
    "the current": 0,
    "coming": 1,
    "this coming": 1,
    "next": 1,
    "the next": 1,
    "the following": 1,
    "upcoming": 1,
    "last": -1,
    "the last": -1,
    "past": -1,
    "the past": -1,
    "this past": -1,
    "previous": -1,
    "the previous": -1,
}
MORNING, NOON, AFTERNOON = Part(4, 12), Clock(12, fixed=True), Part(12, 19)
EVENING, LUNCH, BREAKFAST = Part(18, 24), Part(12, 14), Part(7, 11)
PARTS = {
    "morning": MORNING,
    "mornings": MORNING,
    "early morning": Part(4, 9),
    "early in the morning": Part(4, 9),
    "afternoon": AFTERNOON,
    "late afternoon": Part(15, 19),
    "evening": EVENING,
    "evenings": EVENING,
    "night": EVENING,
    "late night": Part(21, 24),
}
MEALS = {
    "lunch": LUNCH,
    "lunchtime": LUNCH,
    "lunch time": LUNCH,
    "breakfast": BREAKFAST,
    "dinner": EVENING,
    "dinner time": EVENING,
    "dinnertime": EVENING,
}
DAYS: dict[str, When] = {
    "today": Period("day"),
    "tomorrow": Period("day", 1),
    "tommorow": Period("day", 1),
    "tommorrow": Period("day", 1),
    "tomorow": Period("day", 1),
    "tmrw": Period("day", 1),
    "tmr": Period("day", 1),
    "yesterday": Period("day", -1),
    "the day after tomorrow": Period("day", 2),
    "day after tomorrow": Period("day", 2),
    "the day before yesterday": Period("day", -2),
    "day before yesterday": Period("day", -2),
}
SEASONS = {"spring": SPRING, "summer": SUMMER, "autumn": AUTUMN, "fall": AUTUMN, "winter": WINTER}
EDGES = {
    "the beginning": 0,
    "beginning": 0,
    "the start": 0,
    "start": 0,
    "the middle": 1,
    "middle": 1,
    "the end": 2,
    "end": 2,
}
EARLY_LATE = {"early": 0, "mid": 1, "mid-": 1, "late": 2}
NOT_TIMES = ("24/7", "9/11", "fifty fifty", "50/50", "no one", "one another", "at first")
NOWS = ("now", "right now", "just now", "asap")
TONIGHT = DayPart(EVENING, Period("day"))


def _entries() -> list[tuple[str, str, Any]]:
    found: list[tuple[str, str, Any]] = []
    for name, month in MONTHS.items():
        found.append((name, "month", month))
        if name not in WEAK_MONTHS:
            found.append((name, "clearmonth", month))
    for name, weekday in WEEKDAYS.items():
        found.append((name, "weekday", weekday))
        if name not in WEAK_WEEKDAYS:
            found.append((name, "clearweekday", weekday))
    found += ((name, "unit", grain) for name, grain in UNITS.items())
    found += ((name, "rel", count) for name, count in RELATIVE.items())
    found += ((name, "part", part) for name, part in PARTS.items())
    found += ((name, "meal", part) for name, part in MEALS.items())
    found += ((name, "day", day) for name, day in DAYS.items())
    found += ((name, "moment", Now()) for name in NOWS)
    found += ((name, "daypart", TONIGHT) for name in ("tonight", "tonite"))
    found += ((name, "holiday", Holiday(day)) for name, day in ENGLISH.items())
    found += ((name, "clock", NOON) for name in ("noon", "midday", "noontime"))
    found += ((name, "season", season) for name, season in SEASONS.items())
    found += ((name, "edge", part) for name, part in EDGES.items())
    found += ((name, "earlylate", part) for name, part in EARLY_LATE.items())
    found.append(("midnight", "clock", Clock(24, fixed=True)))
    found += ((name, "ampm", False) for name in ("am", "a.m.", "a.m", "a m"))
    found += ((name, "ampm", True) for name in ("pm", "p.m.", "p.m", "p m"))
    found += ((name, "weekend", None) for name in ("weekend", "week-end", "wkend"))
    found += ((phrase, "block", None) for phrase in NOT_TIMES)
    return found


WORDS = _entries()
