from __future__ import annotations

from datetime import date

import pytest
from actions.dates import read_date

THURSDAY = date(2031, 3, 6)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("today", date(2031, 3, 6)),
        ("tomorrow", date(2031, 3, 7)),
        ("the day after tomorrow", date(2031, 3, 8)),
        ("Friday", date(2031, 3, 7)),
        ("next Friday", date(2031, 3, 14)),
        ("next Monday", date(2031, 3, 10)),
        ("Thursday", date(2031, 3, 13)),
        ("sat", date(2031, 3, 8)),
        ("12 March", date(2031, 3, 12)),
        ("March 12th", date(2031, 3, 12)),
        ("the 3rd of April", date(2031, 4, 3)),
        ("2 March", date(2032, 3, 2)),
        ("the 21st", date(2031, 3, 21)),
        ("the 2nd", date(2031, 4, 2)),
        ("12/03", date(2031, 3, 12)),
        ("12.3.2031", date(2031, 3, 12)),
        ("2031-03-20", date(2031, 3, 20)),
        ("in two weeks", date(2031, 3, 20)),
        ("in 3 days", date(2031, 3, 9)),
        ("next week", date(2031, 3, 13)),
    ],
)
def test_a_day_as_people_write_it(said: str, day: date) -> None:
    assert read_date(said, THURSDAY) == day


@pytest.mark.parametrize("said", ["", "soon", "31 February", "45/13", "a banana", "may be"])
def test_what_is_no_day_is_none(said: str) -> None:
    assert read_date(said, THURSDAY) is None


def test_the_first_days_of_january_are_next_year_in_december() -> None:
    assert read_date("2nd", date(2031, 12, 20)) == date(2032, 1, 2)
    assert read_date("4 January", date(2031, 12, 20)) == date(2032, 1, 4)
