"""Answers without what differs from one customer to the next."""

from __future__ import annotations

import pytest

from nlu.ranking.delexicalise import delexicalised, spoken


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("It costs $14.50 in all.", "It costs <money> in all."),
        ("That is 20 euros.", "That is <money>."),
        ("Come at 7:30 pm, or 8 am.", "Come at <time>, or <time>"),
        ("It leaves on March 3rd.", "It leaves on <date>."),
        ("It came on 2026-03-01 or Monday.", "It came on <date> or <date>."),
        ("Write to help@shop.example.", "Write to <email>."),
        ("See https://shop.example/help?a=1.", "See <url>."),
        ("Call +49 30 1234 5678.", "Call <phone>."),
        ("Order AB-1234 has 3 parcels.", "Order <code> has <number> parcels."),
        ("Your table at Olive Garden is booked.", "Your table at <name> is booked."),
        ("Yes, I can. Anything else?", "Yes, I can. Anything else?"),
    ],
)
def test_what_looks_like_a_kind_of_thing_becomes_its_name(text: str, template: str):
    assert delexicalised(text) == template


def test_what_a_slot_holds_becomes_the_slot():
    slots = {"city": "New York", "size": "xl", "n": 1, "ok": True, "empty": None, "all": "a"}
    said = "a parcel to new york, size XL, York"
    assert delexicalised(said, slots) == "a parcel to {city}, size {size}, <name>"


def test_a_name_of_a_slot_may_hold_what_is_special_to_regular_expressions():
    assert delexicalised("it is (a+b)?", {"x": "(a+b)?"}) == "it is {x}"


def test_an_encoder_reads_what_the_places_are_called_by():
    assert spoken("A table for {party_size} at  <time>") == "A table for party size at time"
