"""Which entry of an FAQ answers a question."""

from __future__ import annotations

import numpy as np
import pytest

from bot.model.faq import Retriever, WithFaq, serve_faq, with_answer
from nlu.parse import Context, Intent, Parse
from nlu.ranking.entry import FaqEntry
from nlu.ranking.faq import CERTAINTY, FaqIndex, index_vectors

ENTRIES = (
    FaqEntry("faq/time", ("how long is the delivery", "when will it come"), "two days"),
    FaqEntry("faq/price", ("what is the price of the delivery",), "five euros"),
    FaqEntry("faq/return", ("how is the return of the shoes",), "within a month"),
)


@pytest.fixture
def index(words) -> FaqIndex:
    return FaqIndex(ENTRIES, index_vectors(ENTRIES, words), words)


def names(found) -> list[str]:
    return [each.entry.name for each in found]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("when will the parcel come", "faq/time"),
        ("what does it cost", "faq/price"),
        ("return", "faq/return"),
        ("within a month", "faq/return"),  # words of the answer alone
        ("when will it come?", "faq/time"),  # a second wording
    ],
)
def test_the_nearest_wording_decides(index: FaqIndex, asked: str, name: str):
    assert names(index.search(asked))[0] == name


def test_a_word_that_every_entry_has_tells_nothing_apart(index: FaqIndex):
    assert names(index.search("the the the price"))[0] == "faq/price"


def test_confidence_grows_with_the_score_and_the_lead(index: FaqIndex):
    sure, unsure = (index.search(text)[0].confidence for text in ("when will it come", "the shoes"))
    assert sure > unsure
    assert 0 < CERTAINTY.of(0.2, 0.0) < CERTAINTY.of(0.2, 0.3) < CERTAINTY.of(0.6, 0.3) < 1


def test_a_question_of_unknown_words_finds_nothing_sure(index: FaqIndex):
    found = index.search("quantum chromodynamics")
    assert len(found) == 3
    assert found[0].confidence < 0.1


def test_no_more_are_found_than_asked_for_and_only_among_those_named(index: FaqIndex):
    assert len(index.search("price", limit=2)) == 2
    assert names(index.search("price", among={"faq/return"})) == ["faq/return"]
    assert index.search(" ") == []


def test_one_entry_alone_can_be_searched(words):
    alone = FaqIndex(ENTRIES[:1], index_vectors(ENTRIES[:1], words), words)
    assert names(alone.search("when")) == ["faq/time"]


def test_wordings_of_one_entry_do_not_make_each_other_common(words):
    twice = (FaqEntry("faq/a", ("red shoes", "red shoes"), "x"), *ENTRIES)
    vectors = index_vectors(twice, words)
    assert vectors.common[0, 0] < 0.9
    assert vectors.owners.tolist() == [0, 0, 1, 1, 2, 3]


def test_many_wordings_are_compared_closely_only_where_they_are_near(words):
    many = tuple(FaqEntry(f"faq/{n}", (f"{'red' if n else 'blue'} shoes",), "") for n in range(300))
    scores = FaqIndex(many, index_vectors(many, words), words).scores("blue shoes")
    assert int(np.argmax(scores)) == 0


COMPONENT = Retriever("faq", 0.4)


def test_a_sure_answer_takes_the_place_of_a_less_sure_intent(index: FaqIndex):
    found = index.search("when will it come")
    sure = found[0].confidence
    greet = Intent("greet", sure - 0.1)
    parse = with_answer(Parse("…", greet, (), (greet,)), COMPONENT, found)
    assert parse.intent == Intent("faq", sure)
    assert [each.name for each in parse.intent_ranking] == ["faq", "greet"]
    selected = parse.response_selector["faq"]["response"]
    assert selected["utter_action"] == "utter_faq/time"
    assert selected["responses"] == [{"text": "two days"}]


def test_a_surer_intent_stays_and_what_was_found_is_there(index: FaqIndex):
    greet = Intent("greet", 1.0)
    parse = with_answer(Parse("…", greet), COMPONENT, index.search("when will it come"))
    assert parse.intent == greet
    assert parse.response_selector["faq"]["response"]["intent_response_key"] == "faq/time"


def test_the_fallback_gives_way_however_sure_it_is(index: FaqIndex):
    unsure = Intent("nlu_fallback", 0.99)
    parse = with_answer(Parse("…", unsure), COMPONENT, index.search("when will it come"))
    assert parse.intent.name == "faq"


def test_below_the_threshold_the_faq_says_nothing(index: FaqIndex):
    parse = with_answer(Parse("…"), COMPONENT, index.search("quantum chromodynamics"))
    assert parse.intent.name is None


async def test_each_component_chooses_among_its_own_entries(words):
    class Nothing:
        model_id, queue_length = "", 0

        async def parse(self, text: str, context: Context | None = None) -> Parse:
            return Parse(text)

    entries = (*ENTRIES, FaqEntry("chitchat/joke", ("when will it rain",), "never"))
    index = FaqIndex(entries, index_vectors(entries, words), words)
    async with serve_faq(index, [Retriever("chitchat", 0.0), Retriever("faq", 0.0)]) as faq:
        parse = await WithFaq(Nothing(), faq).parse("when will it come")
    picked = {
        name: selector["response"]["intent_response_key"]
        for name, selector in parse.response_selector.items()
    }
    assert picked == {"chitchat": "chitchat/joke", "faq": "faq/time"}
    assert parse.intent.name == "faq"
