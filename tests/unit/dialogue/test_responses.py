from __future__ import annotations

from random import Random

import msgspec
import pytest

from bot.dialogue.domain import SlotCondition, Variation
from bot.dialogue.messages import Reply
from bot.dialogue.responses import choose, fill, is_retrieval, reply, retrieved, say, utterance


def chosen(slots: dict, channel: str, *variations: Variation) -> str | None:
    found = choose(variations, slots, channel, Random(0))
    return found.text if found else None


GOLD = (SlotCondition("tier", "gold"),)
PLAIN, ON_WEB = Variation("plain"), Variation("web", channel="web")
GOLDEN, GOLDEN_WEB = (
    Variation("gold", condition=GOLD),
    Variation("gw", channel="web", condition=GOLD),
)
ALL = (PLAIN, ON_WEB, GOLDEN, GOLDEN_WEB)


@pytest.mark.parametrize(
    ("tier", "channel", "expected"),
    [
        ("gold", "web", "gw"),
        ("none", "web", "web"),
        ("gold", "rest", "gold"),
        ("none", "rest", "plain"),
    ],
)
def test_a_condition_counts_before_none_and_the_channel_before_both(
    tier: str, channel: str, expected: str
):
    assert chosen({"tier": tier}, channel, *ALL) == expected


def test_the_channels_own_counts_before_a_condition_without_channel():
    assert chosen({"tier": "gold"}, "web", PLAIN, GOLDEN, ON_WEB) == "web"
    assert chosen({"tier": "gold"}, "web", PLAIN, GOLDEN) == "gold"


def test_of_several_conditions_that_hold_any_may_be_said():
    random, other = Random(1), Variation("also gold", condition=GOLD)
    three = (GOLDEN, other, PLAIN)
    gold = {choose(three, {"tier": "gold"}, "rest", random).text for _ in range(50)}
    assert gold == {"gold", "also gold"}


@pytest.mark.parametrize(
    ("value", "wanted", "holds"),
    [("Gold", "gold", True), (3.0, 3, True), ("3", 3, False), ("true", True, False)],
)
def test_texts_compare_without_case_and_other_values_by_equality(
    value: object, wanted: object, holds: bool
):
    variation = Variation("yes", condition=(SlotCondition("x", wanted),))
    assert (chosen({"x": value}, "rest", variation) == "yes") is holds


def test_nothing_is_said_when_no_variation_fits():
    assert chosen({}, "rest", Variation("web only", channel="web")) is None
    assert say("utter_x", {}, {}, slots={}, channel="rest", random=Random(0)) is None


def test_every_variation_of_a_group_is_said_at_some_time():
    random = Random(1)
    said = {choose((PLAIN, Variation("other")), {}, "rest", random).text for _ in range(50)}
    assert said == {"plain", "other"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hi {name}", "Hi Ada"),
        ("Hi {name}, {nobody}", "Hi {name}, {nobody}"),
        ("a {{name}}", "a {name}"),
        ('/say{{"name": "{name}"}}', '/say{"name": "Ada"}'),
        ("one { brace", "one { brace"),
        ("{empty}", "None"),
        ("{{name}} and {name}", "{{name}} and {name}"),
        ("{name.__class__}", "{name.__class__}"),
    ],
)
def test_places_are_filled_or_the_text_stays(text: str, filled: str):
    assert fill(text, {"name": "Ada", "empty": None}) == filled


def test_places_are_filled_however_deep():
    part = {"a": ["{name}", {"b": "{name}", "n": 3}]}
    assert fill(part, {"name": "Ada"}) == {"a": ["Ada", {"b": "Ada", "n": 3}]}


def test_what_is_no_part_of_a_message_is_its_metadata():
    event = utterance({"text": "hi", "image": "i.png", "utter_action": "utter_x", "tone": "warm"})
    assert event.metadata == {"utter_action": "utter_x", "tone": "warm"}
    assert set(event.data) == {
        "elements", "quick_replies", "buttons", "attachment", "image", "custom",
    }  # fmt: skip


def test_a_reply_has_an_image_once():
    event = utterance({"text": "", "image": "i.png"})
    assert event.data["attachment"] == "i.png"  # as Rasa records it
    assert reply(event, "ada") == Reply("ada", image="i.png")


@pytest.mark.parametrize("custom", [[1, {"a": "b"}], "words", 5, {"a": [None]}])
def test_any_json_that_is_said_is_read_again_from_where_it_waits_to_be_sent(custom: object):
    said = reply(utterance({"custom": custom}), "ada")
    assert said.custom == custom
    assert msgspec.json.decode(msgspec.json.encode(said), type=Reply) == said


def test_the_response_selectors_answer_is_said():
    answer = {"response": {"intent_response_key": "faq/hours"}}
    assert is_retrieval("utter_faq", {"utter_faq/hours": ()})
    assert retrieved("utter_faq", {"faq": answer}) == "utter_faq/hours"
    assert retrieved("utter_faq", {"default": answer}) == "utter_faq/hours"
    assert retrieved("utter_faq", {}) is None
