"""English sentences that speak of no time, though they have its words."""

import pytest

from tests.unit.nlu.grammar.seen import times

SENTENCES = """
may I come in
may I ask who is speaking
may 2 of us come along
it may be broken
you may want to march on
march on without me
they march through the park
the sun is out
I sat in the sun
we sat on the sofa
they wed in secret
second opinion
on second thought, no
I would like a second opinion
the second one, please
wait a second
just a minute please
one more thing?
good morning
good night and sleep well
good evening, how are you
hi, good afternoon
table for 2
we are 7
a party of 8
there are 12 of us
I have 3 tickets
room 12 please
my order is 4711
the code is 1030
it costs 7
twenty people
give me five
at 7 Main Street
at 5 stars it is good
at 3 places
one of them is broken
this one
the next one please
the last one was better
at least it works
at first I thought so
first of all, thanks
first come first served
my first order
the third item is missing
the 3rd one from the left
I want to speak to somebody
can you spring into action
do not fall for it
the date is wrong
what time do you open
time flies
any time
sometime
once upon a time
all the time
from time to time
how long does it take
twice a day
once a week is enough
24/7 support
is there a day ticket
my day was fine
have a nice day
the day is long
a week is long enough
a year has twelve months
month to month
year over year
an hour is sixty minutes
I can do 50/50
3/4 cup of sugar
1/2 liter
version 1.2.3
version 10.2
the ip is 192.168.0.1
3 x 4 meters
size 10-12
my score is 3:2
mix it 1:1
route 66
I am 25
flat 3b
the A4 is blocked
take the M25
an iphone 12
call 030 1234567
ring 650-650-6500
zip code 10115
pin 0000
order 2026
my name is April
June is my sister
this is August from accounting
is Jan in
ask Mar to call
Sun Valley
the Sat nav is off
mon cheri
fri the onions
I want to wed her
half of it
half the price
a quarter of the cake
quarter pounder
three quarters are done
to be or not to be
past and present
before and after
after you
before me
since you ask
until further notice
by the way
by bus
on time
in time
on and off
in the end
in the middle of nowhere
the end
from start to finish
start over
let us begin
at the beginning I was lost
at the end of the road
week in week out
weakly
Mondayish feeling is no word
tomorrowland is a film
todayish
hours and hours
days like these
for years
minutes of the meeting
the minutes are wrong
seconds please
the hour of truth
rush hour
happy hour
year book
new year resolutions
a dozen eggs
couple of friends
few people know
ten fifty-pound notes
2 for 1
7 up
9 to 5 is a song
five to seven people
two to three weeks
three to four items
from 5 to 7 people
up to 10 persons
before 5 people arrive
at 10 euros
after 5 attempts
before 3 of them
about 20
at 50 %
10 am I right
""".strip().splitlines()


@pytest.mark.parametrize("sentence", SENTENCES)
def test_no_time_is_read_into_other_words(sentence: str) -> None:
    assert times(sentence) == []
