"""What several people's labels come to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.errors import BadRequest, Conflict
from bot.review.agreement import agreement
from bot.review.decide import Names, ask_again, checked, opine, retract, skip, stale
from bot.review.item import Opinion, ReviewItem
from nlu.parse import Entity

ITEM = ReviewItem("1", "a pizza please")
NAMES = Names(frozenset({"order", "faq"}), frozenset({"food"}))


def says(who: str, intent: str | None, *, at: float = 0.0, weight: float = 1.0) -> Opinion:
    kind = "person" if weight == 1 else "weak"
    label = "intent" if intent else "out_of_scope"
    return Opinion(label, who, at, intent, kind=kind, weight=weight)  # type: ignore[arg-type]


def after(*opinions: Opinion, item: ReviewItem = ITEM) -> ReviewItem:
    for one in opinions:
        item = opine(item, one)
    return item


def test_one_label_decides_and_a_change_of_mind_takes_its_place():
    item = after(says("eve", "a"), says("eve", "b"))
    assert item.decision
    assert (item.state, item.decision.intent, len(item.opinions)) == ("decided", "b", 1)
    assert [step.what for step in item.history] == ["a", "b"]


def test_people_who_contradict_each_other_leave_it_open_until_more_say_one_thing():
    item = after(says("eve", "a"), says("tom", "b"))
    assert (item.state, item.decision, item.is_disputed) == ("open", None, True)
    item = after(says("ann", "b"), item=item)
    assert item.decision
    assert (item.state, item.decision.intent, item.is_disputed) == ("decided", "b", False)


def test_the_same_intent_with_other_entities_is_another_label():
    one = Opinion("intent", "eve", 0, "order", (Entity("food", "pizza", 2, 7),))
    other = Opinion("intent", "tom", 0, "order")
    assert after(one, other).is_disputed
    same = Opinion("intent", "tom", 0, "order", (Entity("food", "PIZZA", 2, 7),))
    assert after(one, same).state == "decided"


def test_a_second_opinion_that_agrees_decides():
    item = ask_again(after(says("eve", "a")), "eve", 1.0)
    assert (item.state, item.decision, item.wanted) == ("open", None, 2)
    assert after(says("tom", "a"), item=item).state == "decided"


def test_a_weak_label_stands_while_no_persons_does_and_is_kept_apart():
    item = after(says("two_stage", "a", weight=0.3), says("rephrased", "b", weight=0.5))
    assert item.decision
    assert (item.state, item.decision.kind, item.decision.intent) == ("open", "weak", "b")
    item = after(says("rephrased", "c"), item=item)
    assert item.decision
    assert (item.state, item.decision.kind, item.decision.intent) == ("decided", "person", "c")
    assert len(item.opinions) == 3
    item = retract(item, "rephrased", 9.0)
    assert item.decision
    assert item.decision.intent == "b"


def test_what_was_skipped_can_be_taken_back_by_who_skipped_it():
    item = skip(ITEM, "eve", 1.0)
    assert item.state == "skipped"
    with pytest.raises(Conflict):
        retract(item, "tom", 2.0)
    assert retract(item, "eve", 2.0).state == "open"


def test_only_so_many_people_are_asked():
    item = after(*(says(f"p{n}", "a") for n in range(9)))
    with pytest.raises(Conflict, match="9 people"):
        ask_again(item, "eve", 1.0)


@pytest.mark.parametrize(
    ("opinion", "what"),
    [
        (Opinion("intent", " ", 0, "order"), "the name of who"),
        (Opinion("intent", "eve", 0, None), "names an intent"),
        (Opinion("intent", "eve", 0, "oder"), "Did you mean 'order'"),
        (Opinion("new_intent", "eve", 0, "order"), "already"),
        (Opinion("new_intent", "eve", 0, "two\nlines"), "one line"),
        (Opinion("out_of_scope", "eve", 0, "order"), "has no intent"),
        (Opinion("intent", "eve", 0, "order", (Entity("fod", "x", 0, 1),)), "Did you mean 'food'"),
        (Opinion("intent", "eve", 0, "order", (Entity("food", "x", 5, 5),)), "characters"),
    ],
)
def test_a_label_that_cannot_be_right_is_refused_with_what_would_be(opinion: Opinion, what: str):
    with pytest.raises(BadRequest, match=what):
        checked(opinion, ITEM, NAMES)


def test_an_answer_of_a_retrieval_intent_is_an_intent_and_the_retrieval_intent_is_none():
    assert checked(Opinion("intent", "eve", 0, "faq/hours"), ITEM, NAMES)
    names = Names(NAMES.intents, NAMES.entities, frozenset({"faq/hours", "faq/price"}))
    assert checked(Opinion("intent", "eve", 0, "faq/hours"), ITEM, names)
    with pytest.raises(BadRequest, match="2 answers; a label says which, as 'faq/hours'"):
        checked(Opinion("intent", "eve", 0, "faq"), ITEM, names)
    with pytest.raises(BadRequest, match="Did you mean 'faq/hours'"):
        checked(Opinion("intent", "eve", 0, "faq/hour"), ITEM, names)
    right, bare = after(says("eve", "faq/hours")), after(says("eve", "faq"))
    assert stale([right, bare], names) == {"faq": [bare]}


def test_labels_of_intents_that_were_removed_are_found_and_new_ones_are_none_of_them():
    gone = after(says("eve", "gone"))
    new = after(Opinion("new_intent", "eve", 0, "fresh"))
    assert stale([gone, new, after(says("eve", "order")), ITEM], NAMES) == {"gone": [gone]}


def test_kappa_takes_away_what_chance_would_agree_on():
    # Cohen 1960's way on a table by hand: 20 and 15 of 50 alike, 5 and 10 not; rows 25/25, columns
    # 30/20: p = 0.7, e = 0.5.
    table = {("a", "a"): 20, ("a", "b"): 5, ("b", "a"): 10, ("b", "b"): 15}
    items = [
        after(says("eve", one), says("tom", other))
        for (one, other), count in table.items()
        for _ in range(count)
    ]
    everybody, [pair] = agreement([*items, ITEM, after(says("eve", "a"))])
    assert (everybody.items, everybody.pairs, everybody.rate, everybody.kappa) == (50, 50, 0.7, 0.4)
    assert (pair.one, pair.other) == ("eve", "tom")


def test_without_two_opinions_nobody_agrees_and_where_all_say_one_thing_chance_explains_it():
    assert agreement([ITEM])[0].rate is None
    [same] = [after(says("eve", "a"), says("tom", "a"))]
    assert (agreement([same])[0].rate, agreement([same])[0].kappa) == (1.0, None)


@given(some.lists(some.tuples(some.sampled_from("abc"), some.sampled_from("xyz")), max_size=12))
def test_the_order_of_different_peoples_labels_changes_no_decision(said: list[tuple[str, str]]):
    latest = dict(said)
    opinions = [says(who, intent) for who, intent in latest.items()]
    one, other = after(*opinions), after(*reversed(opinions))
    assert one.state == other.state
    assert (one.decision and one.decision.intent) == (other.decision and other.decision.intent)
