"""Durations and amounts of money."""

from __future__ import annotations

import msgspec

from nlu.grammar.numerals import tidy

PARTS: dict[str, tuple[int, str]] = {
    "minute": (60, "second"),
    "hour": (60, "minute"),
    "day": (24, "hour"),
    "week": (7, "day"),
    "quarter": (3, "month"),
    "year": (12, "month"),
}
"""How many of the next finer unit a unit has, where that is always the same."""
LENGTH = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_592_000,
    "quarter": 7_776_000,
    "year": 31_536_000,
}
"""Seconds, as Duckling counts them: a month has 30 days, a year 365."""
ISO = {
    "second": "PT{}S",
    "minute": "PT{}M",
    "hour": "PT{}H",
    "day": "P{}D",
    "week": "P{}W",
    "month": "P{}M",
    "year": "P{}Y",
}
MOST = 10**9  # of a unit; more is no duration that anybody means


class Duration(msgspec.Struct, frozen=True):
    """A length of time in one unit. ``loose``: only a word such as ``a`` counts it."""

    count: float
    grain: str
    loose: bool = False

    @property
    def iso(self) -> str:
        """As ISO 8601 writes it."""
        if self.grain == "quarter":
            return ISO["month"].format(tidy(self.count * 3))
        return ISO[self.grain].format(tidy(self.count))

    @property
    def seconds(self) -> float:
        return tidy(self.count * LENGTH[self.grain])

    def plus(self, other: Duration) -> Duration | None:
        """Both together in the finer unit; None where ``other`` is not finer."""
        if LENGTH[other.grain] >= LENGTH[self.grain]:
            return None
        count, grain = self.count, self.grain
        while grain != other.grain:
            if grain not in PARTS:
                return None
            parts, grain = PARTS[grain]
            count *= parts
        return Duration(tidy(count + other.count), grain)


def duration(count: float, grain: str, *, loose: bool = False) -> Duration | None:
    """``count`` of a unit, in a finer one where it is a fraction; None beyond all measure."""
    if not 0 <= count < MOST:
        return None
    while count != int(count) and grain in PARTS:
        parts, grain = PARTS[grain]
        count = tidy(count * parts)
    return Duration(tidy(count), grain, loose)


class DurationRange(msgspec.Struct, frozen=True):
    """From one length of time to a longer one, or to the same."""

    first: Duration
    last: Duration


def between(first: float | Duration, last: Duration) -> DurationRange | None:
    """``2 to 3 hours``, where the first may be counted in the unit of the last; None where it is
    the longer."""
    shorter = first if isinstance(first, Duration) else duration(first, last.grain)
    if shorter is None or shorter.seconds > last.seconds:
        return None
    return DurationRange(shorter, last)


class Amount(msgspec.Struct, frozen=True):
    """So much of a currency. ``unit`` is Duckling's name for it, ``code`` that of ISO 4217."""

    value: float
    unit: str
    code: str | None


class AmountRange(msgspec.Struct, frozen=True):
    """From one amount to another; None is an open end."""

    first: Amount | None
    last: Amount | None
