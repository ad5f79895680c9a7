"""Public sets of turns, as they are read for the benchmarks."""

from __future__ import annotations

import pytest

from nlu.parse import Context
from tests.bench.sets import multidogo, restaurant8k
from tests.bench.sets.parts import DATASETS

pytestmark = pytest.mark.skipif(not DATASETS.is_dir(), reason="shared/datasets is absent")


@pytest.fixture(scope="module")
def airline() -> multidogo.Parts:
    return multidogo.domain("airline")


def test_no_conversation_lies_in_two_parts(airline: multidogo.Parts):
    whole = len(airline.train) + len(airline.valid) + len(airline.test)
    assert whole == 19_416 - 29  # those whose labels are as many as their words
    openings = [
        {(e.text, e.contexts[0].earlier) for e in part if len(e.contexts[0].earlier) > 4}
        for part in (airline.train, airline.valid, airline.test)
    ]
    assert len(openings[0] & openings[1]) + len(openings[0] & openings[2]) < 3  # but for chance


def test_a_turn_knows_the_turns_before_it_latest_first(airline: multidogo.Parts):
    turns = {e.text: e for e in (*airline.train, *airline.valid, *airline.test)}
    assert turns["kavigmailcom and five passengers"].contexts == (
        Context(
            earlier=(
                "yes",
                "ok",
                "thailand and singapore",
                "kavisri",
                "i wants to book a ticket for flight",
                "higood morning",
            )
        ),
    )
    assert [(e.entity, e.value) for e in turns["thailand and singapore"].entities] == [
        ("departure_city", "thailand"),
        ("arrival_city", "singapore"),
    ]


def test_neighbouring_words_of_one_label_are_one_span(airline: multidogo.Parts):
    turns = {e.text: e for e in (*airline.train, *airline.valid, *airline.test)}
    found = turns["my name ramn booking confirmation kyf 176"].entities
    assert [(e.entity, e.value) for e in found] == [("booking_confirmation_number", "kyf 176")]


def test_the_slot_that_was_asked_for_is_known():
    parts = restaurant8k.spans(4)
    assert (len(parts.train), len(parts.test)) == (512, 3731)
    asked, unasked = parts.train[0], parts.train[1]
    assert asked.contexts == (Context(requested_slot="people"),)
    assert [(e.entity, e.value) for e in asked.entities] == [("people", "5 adults and 1 child")]
    assert (unasked.contexts, unasked.intent) == ((), "inform")
