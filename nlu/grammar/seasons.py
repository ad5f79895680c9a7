"""Spring, summer, autumn and winter of the northern half of the world."""

from __future__ import annotations

import msgspec

from nlu.grammar.calendar import Reference, day_of
from nlu.grammar.when import Span

SPRING, SUMMER, AUTUMN, WINTER = range(4)
_BEGINS = ((3, 20), (6, 21), (9, 23), (12, 21))  # month and day, give or take one


class Season(msgspec.Struct, frozen=True):
    """A season of ``year``, or of the year so many ``years`` away; else the one that is or comes,
    ``rel`` 1 the one after it, -1 the last that is over. A winter is of the year it begins in."""

    season: int
    rel: int = 0
    year: int | None = None
    years: int | None = None

    def at(self, now: Reference, nth: int = 0) -> Span | None:
        if nth:
            return None
        if self.year is not None:
            return self._of(self.year)
        if self.years is not None:
            return self._of(now.local.year + self.years)
        years = range(max(2, now.local.year - 2), now.local.year + 3)
        spans = [span for year in years if (span := self._of(year))]
        ends = [span for span in spans if span.end is not None]
        if self.rel < 0:
            over = [span for span in ends if span.end and span.end <= now.local]
            return over[-1] if over else None
        ahead = [span for span in ends if span.end and span.end > now.local]
        begun = bool(ahead) and ahead[0].start is not None and ahead[0].start <= now.local
        index = 1 if self.rel > 0 and begun else 0
        return ahead[index] if index < len(ahead) else None

    def _of(self, year: int) -> Span | None:
        start = day_of(year, *_BEGINS[self.season])
        end = day_of(year + (self.season == WINTER), *_BEGINS[(self.season + 1) % 4])
        return None if start is None or end is None else Span(start, end, "day", interval=True)
