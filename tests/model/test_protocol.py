"""Every interleaving of the protocol keeps its promises, and each of its rules is needed for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from tests.model import protocol
from tests.model.protocol import Faults, Rules, State, either_way
from tests.model.search import Found, search

TURNS = Rules(pushing=False, faults=Faults(kills=1, losses=1, repeats=1))
SENDING = Rules(messages=0, said=2, faults=Faults(kills=1, stops=1, losses=1, doubts=1))
BOTH = Rules(messages=1, faults=Faults(kills=1, losses=1))


def checked(rules: Rules) -> Found[State]:
    def steps(state: State) -> Iterator[tuple[str, State]]:
        for step, after in protocol.steps(state, rules):
            yield step, either_way(after)

    return search(
        either_way(protocol.start(rules)),
        steps,
        wrong=partial(protocol.wrong, rules=rules),
        wrong_at_the_end=partial(protocol.wrong_at_the_end, rules=rules),
    )


@pytest.mark.parametrize("person", ["takes over", "replaces", "adds"])
def test_messages_are_recorded_once_and_in_order_whatever_happens(person: str):
    found = checked(replace(TURNS, person=person))
    assert not found.wrong, str(found)
    assert found.states > 8_000


@pytest.mark.parametrize("may_repeat", [True, False], ids=["at least once", "at most once"])
def test_replies_arrive_in_order_and_none_after_the_person_was_told_that_the_bot_is_silent(
    may_repeat: bool,
):
    found = checked(replace(SENDING, may_repeat=may_repeat))
    assert not found.wrong, str(found)
    assert found.states > 40_000


def test_a_turn_and_its_reply_meet_a_takeover_a_kill_and_a_loss_of_redis():
    found = checked(BOTH)
    assert not found.wrong, str(found)
    assert found.states > 40_000


@pytest.mark.parametrize("rules", [replace(TURNS), replace(SENDING)], ids=["turns", "sending"])
def test_leases_only_spare_work(rules: Rules):
    found = checked(replace(rules, leases=False))
    assert not found.wrong, str(found)


@pytest.mark.parametrize(
    ("without", "rules", "wrong"),
    [
        ("knows_ids", TURNS, "recorded twice"),
        ("compares_seq", replace(TURNS, person="adds"), "as if others had not been"),
        ("compares_epoch", replace(TURNS, person="replaces"), "as if others had not been"),
        ("done_once", TURNS, "recorded twice"),
        ("all_or_nothing", TURNS, "recorded as"),
        ("sweeps", TURNS, "a message is lost"),
        ("commits_before_sending", TURNS, "the bot is silent"),
        ("withdraws", SENDING, "after the takeover"),
        ("notes_beginning", SENDING, "the bot is silent"),
        ("begins_as_it_stood", SENDING, "arrives twice"),
        ("claims_what_it_doubts", SENDING, "arrive as"),
        ("settles_its_own", replace(SENDING, may_repeat=True), "the bot is silent"),
        ("leaves_begun_to_the_living", SENDING, "arrive as"),
        ("begins_again_after_a_stop", SENDING, "arrive as"),
        ("quiet_asks_the_log", SENDING, "the bot is silent"),
    ],
)
def test_without_one_of_its_rules_the_search_finds_what_goes_wrong(
    without: str, rules: Rules, wrong: str
):
    found = checked(replace(rules, **{without: False}))
    assert wrong in found.wrong, str(found)
    assert found.steps
