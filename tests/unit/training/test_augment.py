from __future__ import annotations

import random

from bot.project.project import Example, Lookup
from training.augment import Augmenter

from .conftest import example

SEND = example(
    "order", "send red hats from York to Leeds", colour="red", from__a="York", to="Leeds"
)
NUMBER = example("order", "where is FW-20415?", number="FW-20415")


def vary(one: Example, *, swap: float = 0.0, typos: float = 0.0, times: int = 50) -> list[Example]:
    augmenter = Augmenter(
        [one, example("order", "blue ones", colour="blue")],
        [Lookup("colour", ("dark green",)), Lookup("unknown", ("x",))],
        swap_values=swap,
        typos=typos,
        rng=random.Random(0),
    )
    return [augmenter.vary(one) for _ in range(times)]


def test_values_are_swapped_for_others_of_their_kind_and_offsets_follow():
    seen = set()
    for varied in vary(SEND, swap=1.0):
        colour, start, end = (varied.text[e.start : e.end] for e in varied.entities)
        seen.add(colour)
        assert (start, end) == ("York", "Leeds")
        assert varied.text == f"send {colour} hats from York to Leeds"
    assert seen == {"red", "blue", "dark green"}


def test_long_numbers_get_other_digits():
    texts = {varied.text for varied in vary(NUMBER, swap=1.0)}
    assert len(texts) > 40
    assert all(text.startswith("where is FW-") and len(text) == len(NUMBER.text) for text in texts)


def test_typos_leave_entities_alone():
    varied = vary(SEND, typos=1.0)
    assert sum(one.text != SEND.text for one in varied) > 40
    for one in varied:
        assert [one.text[e.start : e.end] for e in one.entities] == ["red", "York", "Leeds"]


def test_without_chances_nothing_changes():
    assert vary(SEND)[0].text == SEND.text
    assert [(e.start, e.end) for e in vary(SEND)[0].entities] == [
        (e.start, e.end) for e in SEND.entities
    ]


def test_what_offers_no_place_for_a_typo_stays_as_it_is():
    assert {one.text for one in vary(Example("? 1 é", "order"), typos=1.0)} == {"? 1 é"}
