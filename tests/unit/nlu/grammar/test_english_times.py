"""English dates, times and ranges: what was said, and what it means to a user in Berlin."""

import pytest

from tests.unit.nlu.grammar.seen import found, times

# The sentence; the words that are the time; what it is in ISO 8601. It is Wednesday, 2026-11-18.
DAYS = """
see you today | today | 2026-11-18
the parcel came yesterday | yesterday | 2026-11-17
tomorrow would suit us | tomorrow | 2026-11-19
can it wait until the day after tomorrow? | until the day after tomorrow | ../2026-11-20
it broke the day before yesterday | the day before yesterday | 2026-11-16
I come on friday | on friday | 2026-11-20
next friday, please | next friday | 2026-11-20
would Monday do? | Monday | 2026-11-23
next wednesday then | next wednesday | 2026-11-25
I called last tuesday | last tuesday | 2026-11-17
I wrote last wednesday | last wednesday | 2026-11-11
wednesday next week | wednesday next week | 2026-11-25
the monday of this week was fine | monday of this week | 2026-11-16
friday after next | friday after next | 2026-11-27
on the 25th please | on the 25th | 2026-11-25
could we take the 5th? | the 5th | 2026-12-05
the 1st | the 1st | 2026-12-01
the 30th of this month works | the 30th of this month | 2026-11-30
my birthday is march 3 | march 3 | 2027-03-03
may 5th if you can | may 5th | 2027-05-05
on the 2nd of may | on the 2nd of may | 2027-05-02
december the 24th | december the 24th | 2026-12-24
delivered 14 August 2026? | 14 August 2026 | 2026-08-14
August 14th, 2026 was too late | August 14th, 2026 | 2026-08-14
Friday, December 18th | Friday, December 18th | 2026-12-18
Tue 24 Nov | Tue 24 Nov | 2026-11-24
the first monday of may | the first monday of may | 2027-05-03
the last friday in december | the last friday in december | 2026-12-25
the last day of february 2028 | the last day of february 2028 | 2028-02-29
Christmas Eve | Christmas Eve | 2026-12-24
we close on new year's eve | on new year's eve | 2026-12-31
is easter monday a holiday | easter monday | 2027-03-29
thanksgiving 2026 | thanksgiving 2026 | 2026-11-26
last christmas I gave you | last christmas | 2025-12-25
two days after christmas | two days after christmas | 2026-12-27
three days from today | three days from today | 2026-11-21
a week ago | a week ago | 2026-11-11
in two weeks | in two weeks | 2026-12-02
three months ago | three months ago | 2026-08-18
monday week | monday week | 2026-11-30
the week of december 7th | the week of december 7th | 2026-W50
""".strip().splitlines()

PERIODS = """
this week | this week | 2026-W47
I am away next week | next week | 2026-W48
last week's invoice | last week | 2026-W46
next month | next month | 2026-12
in january | in january | 2027-01
back in march 2025 | in march 2025 | 2025-03
next november | next november | 2027-11
last november | last november | 2025-11
december was busy | december | 2026-12
last quarter | last quarter | 2026-07-01
the third quarter of 2027 | the third quarter of 2027 | 2027-07-01
last year | last year | 2025
in 2024 we moved | in 2024 | 2024
march next year | march next year | 2027-03
at the weekend | at the weekend | 2026-11-20T18:00/2026-11-23T00:00
next weekend | next weekend | 2026-11-27T18:00/2026-11-30T00:00
the next 3 days | the next 3 days | 2026-11-19/2026-11-22
the last two weeks | the last two weeks | 2026-11-02/2026-11-16
at the end of the month | at the end of the month | 2026-11-21/2026-12-01
this winter | this winter | 2026-12-21/2027-03-20
last summer | last summer | 2026-06-21/2026-09-23
next autumn | next autumn | 2027-09-23/2027-12-21
in the summer of 2027 | in the summer of 2027 | 2027-06-21/2027-09-23
early march | early march | 2027-03-01/2027-03-11
the beginning of next year | the beginning of next year | 2027-01/2027-05
""".strip().splitlines()

CLOCKS = """
table for two tomorrow at 7pm | tomorrow at 7pm | 2026-11-19T19:00
half past six | half past six | 2026-11-18T18:30
at half past eleven | at half past eleven | 2026-11-18T11:30
quarter to eight | quarter to eight | 2026-11-18T19:45
a quarter past 9 am | a quarter past 9 am | 2026-11-19T09:15
ten to seven pm | ten to seven pm | 2026-11-18T18:50
at 7 | at 7 | 2026-11-18T19:00
let us say at 7 tomorrow | at 7 tomorrow | 2026-11-19T07:00
7 o'clock | 7 o'clock | 2026-11-18T19:00
7:45pm | 7:45pm | 2026-11-18T19:45
19:30 | 19:30 | 2026-11-18T19:30
09:15 | 09:15 | 2026-11-19T09:15
at 5.30pm | at 5.30pm | 2026-11-18T17:30
0730pm | 0730pm | 2026-11-18T19:30
12 a.m. | 12 a.m. | 2026-11-19T00:00
at noon | at noon | 2026-11-18T12:00
midnight | midnight | 2026-11-19T00:00
seven thirty pm | seven thirty pm | 2026-11-18T19:30
eight in the evening | eight in the evening | 2026-11-18T20:00
a time of 8 in the evening | 8 in the evening | 2026-11-18T20:00
3 in the afternoon | 3 in the afternoon | 2026-11-18T15:00
6ish | 6ish | 2026-11-18T18:00
around 5:30 | around 5:30 | 2026-11-18T17:30
Monday at 4 PM | Monday at 4 PM | 2026-11-23T16:00
9am on saturday | 9am on saturday | 2026-11-21T09:00
tomorrow afternoon at 5 | tomorrow afternoon at 5 | 2026-11-19T17:00
tonight at 11 | tonight at 11 | 2026-11-18T23:00
december 24th, 18:00 | december 24th, 18:00 | 2026-12-24T18:00
Fri, Dec 18, 2026 07:00 PM | Fri, Dec 18, 2026 07:00 PM | 2026-12-18T19:00
an hour before noon | an hour before noon | 2026-11-18T11:00
in an hour | in an hour | 2026-11-18T11:00
in half an hour | in half an hour | 2026-11-18T10:30:00
in 2 and a half hours | in 2 and a half hours | 2026-11-18T12:30:00
20 minutes ago | 20 minutes ago | 2026-11-18T09:40:00
in a fortnight | in a fortnight | 2026-12-02T10:00
in 3 days at 12:45pm | in 3 days at 12:45pm | 2026-11-21T12:45
at noon 6 days from now | at noon 6 days from now | 2026-11-24T12:00
after 7 | after 7 | 2026-11-18T19:00/..
in 3 days | in 3 days | 2026-11-21T10:00
2026-12-24 | 2026-12-24 | 2026-12-24
2026-12-24 18:30 | 2026-12-24 18:30 | 2026-12-24T18:30
2026-12-24T18:30:00Z | 2026-12-24T18:30:00Z | 2026-12-24T19:30:00
right now | right now | 2026-11-18T10:00:00
""".strip().splitlines()

RANGES = """
the day after tomorrow in the evening | the day after tomorrow in the evening \
| 2026-11-20T18:00/2026-11-21T00:00
tomorrow morning | tomorrow morning | 2026-11-19T04:00/2026-11-19T12:00
this evening | this evening | 2026-11-18T18:00/2026-11-19T00:00
tonight | tonight | 2026-11-18T18:00/2026-11-19T00:00
last night | last night | 2026-11-17T18:00/2026-11-18T00:00
monday early in the morning | monday early in the morning | 2026-11-23T04:00/2026-11-23T09:00
tomorrow for lunch | tomorrow for lunch | 2026-11-19T12:00/2026-11-19T14:00
in the morning | in the morning | 2026-11-18T04:00/2026-11-18T12:00
from 3 to 5 pm on monday | from 3 to 5 pm on monday | 2026-11-23T15:00/2026-11-23T18:00
5-7pm | 5-7pm | 2026-11-18T17:00/2026-11-18T20:00
between 9:30 and 11:00 on thursday | between 9:30 and 11:00 on thursday \
| 2026-11-19T09:30/2026-11-19T11:01
9am to 5pm | 9am to 5pm | 2026-11-19T09:00/2026-11-19T18:00
from 9 to 5 tomorrow | from 9 to 5 tomorrow | 2026-11-19T09:00/2026-11-19T18:00
10pm to 2am | 10pm to 2am | 2026-11-18T22:00/2026-11-19T03:00
from monday to friday | from monday to friday | 2026-11-23/2026-11-28
july 13-15 | july 13-15 | 2027-07-13/2027-07-16
from the 13th to the 15th of july | from the 13th to the 15th of july | 2027-07-13/2027-07-16
after 6pm | after 6pm | 2026-11-18T18:00/..
any time after 6 | any time after 6 | 2026-11-18T18:00/..
before 11 am tomorrow | before 11 am tomorrow | ../2026-11-19T11:00
by friday | by friday | 2026-11-18T10:00:00/2026-11-20T00:00:00
since last week | since last week | 2026-11-09/..
within 2 weeks | within 2 weeks | 2026-11-18T10:00:00/2026-12-02T00:00:00
""".strip().splitlines()


@pytest.mark.parametrize("row", [*DAYS, *PERIODS, *CLOCKS, *RANGES])
def test_a_time_is_found_and_means_what_a_person_means(row: str) -> None:
    sentence, words, iso = (part.strip() for part in row.split(" | "))
    assert times(sentence) == [(words, iso)]


def test_several_times_of_a_sentence_are_found_each() -> None:
    assert times("not 10 pm, I meant 11 pm on friday") == [
        ("10 pm", "2026-11-18T22:00"),
        ("11 pm on friday", "2026-11-20T23:00"),
    ]


def test_what_comes_again_tells_its_next_times_as_well() -> None:
    (monday,) = found("monday")
    assert [each["value"][:10] for each in monday.value["values"]] == [
        "2026-11-23",
        "2026-11-30",
        "2026-12-07",
    ]
    (seven,) = found("tomorrow at 7", dimensions=("time",))
    assert [each["value"][11:16] for each in seven.value["values"]] == ["07:00", "19:00"]
