"""Kinds of items take turns, whoever stops when."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.review.item import Reason, ReviewItem, Share, new_id
from bot.store.reviews import open_reviews
from training.mining.order import mixed

SHARES = ("random", "uncertain", "suspect", "asked")


def items_of(*shares: Share) -> list[ReviewItem]:
    scores = {"suspect": 0.99, "uncertain": 0.5, "random": 0.0, "asked": 0.7}
    return [
        ReviewItem(
            new_id(), str(at), "ann", at + 1, share=share, reasons=(Reason("m", scores[share]),)
        )
        for at, share in enumerate(shares)
    ]


@given(st.lists(st.sampled_from(SHARES), min_size=1, max_size=60))
def test_any_beginning_holds_each_kind_in_proportion(shares: list[Share]):
    ordered = mixed(items_of(*shares))
    assert Counter(item.text for item in ordered) == Counter(map(str, range(len(shares))))
    whole = Counter(shares)
    for length in range(1, len(ordered) + 1):
        seen = Counter(item.share for item in ordered[:length])
        for share, count in whole.items():
            assert abs(seen[share] - count * length / len(shares)) <= len(whole) / 2
    for share in whole:  # of a kind the order stays
        texts = [int(item.text) for item in ordered if item.share == share]
        assert texts == sorted(texts)


@given(st.lists(st.sampled_from(SHARES), min_size=1, max_size=40))
def test_the_same_items_come_in_the_same_order_whatever_their_ids(shares: list[Share]):
    one, other = ([item.text for item in mixed(items_of(*shares))] for _ in range(2))
    assert one == other
    urgencies = [item.urgency for item in mixed(items_of(*shares))]
    assert urgencies == sorted(set(urgencies), reverse=True)
    assert all(0 < urgency < 1 for urgency in urgencies)


async def test_reviewers_get_them_in_that_order_and_what_a_person_asks_for_first(sqlite_url: str):
    kinds: list[Share] = ["suspect"] * 2 + ["random"] * 2 + ["uncertain"] * 6
    ordered = mixed(items_of(*kinds))
    wanted = ReviewItem(new_id(), "now", "bob", 1, reasons=(Reason("person", 1.0),))
    async with open_reviews(sqlite_url) as reviews:
        some = [*ordered, wanted]
        random.Random(1).shuffle(some)
        await reviews.propose(some)
        listed = await reviews.listed()
        assert [item.text for item in listed] == ["now", *(item.text for item in ordered)]
        more = [item for item in ordered if item.share == "random"][:1]
        [again] = [ReviewItem(new_id(), "", "ann", more[0].seq, reasons=(Reason("n", 0.999),))]
        await reviews.propose([again])  # another miner found it too: it keeps its place
        assert [item.id for item in await reviews.listed()] == [item.id for item in listed]
    assert [item.share for item in listed[1:6]].count("suspect") == 1


@pytest.mark.parametrize("share", SHARES)
def test_items_of_one_kind_stay_as_they_were(share: Share):
    items = items_of(*[share] * 5)
    assert [item.id for item in mixed(items)] == [item.id for item in items]
