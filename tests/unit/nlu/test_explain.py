"""The tiny model's words vote for intents and tags, so it is known what each of them decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nlu.bundle import Bundle, open_bundle
from nlu.explain import MOST_WORDS, Answer, FoundEntity, TooLong, Word, explain
from nlu.pipeline import Nlu, Pipeline, serve

MakeBundle = Callable[..., Path]


@pytest.fixture
def bundle(make_bundle: MakeBundle) -> Bundle:
    return open_bundle(make_bundle())


def weights(answer: Answer | FoundEntity) -> dict[str, float]:
    return {word.text: round(word.weight, 2) for word in answer.words}


def test_the_word_that_voted_for_the_intent_decided_it(bundle: Bundle):
    found = explain(bundle, "order green tea")
    assert found.intent is not None
    assert (found.intent.name, found.intent.against) == (
        "order",
        "faq",
    )  # its two answers count together
    assert weights(found.intent) == {"order": 6.0, "green": 0.0, "tea": 0.0}
    without = [word.without for word in found.intent.words]
    assert without[0] == pytest.approx(0.2)  # all of five columns are as likely then
    assert without[1] == pytest.approx(found.intent.confidence)


def test_a_word_that_votes_for_the_next_best_spoke_against(bundle: Bundle):
    found = explain(bundle, "order order bye")
    assert found.intent is not None
    assert weights(found.intent) == {"order": 6.0, "bye": -6.0}


def test_each_entity_has_the_words_that_made_it_one(bundle: Bundle):
    found = explain(bundle, "hello green berlin")
    green, berlin = found.entities
    assert (green.entity, green.start, green.end) == ("item", 6, 11)
    assert (berlin.entity, berlin.role) == ("city", "to")
    assert green.confidence == pytest.approx(0.98, abs=0.02)
    by_word = weights(green)
    assert by_word["green"] > 4
    assert by_word["hello"] == by_word["berlin"] == 0


def test_a_word_of_several_pieces_is_blanked_whole(bundle: Bundle):
    found = explain(bundle, "hello cafes")
    assert found.intent is not None
    assert [word.text for word in found.intent.words] == ["hello", "cafes"]
    reading = found.intent.words[1]
    assert reading == Word("cafes", 6, 11, reading.without, pytest.approx(0.0))


def test_a_text_longer_than_the_model_reads_is_explained_in_windows(bundle: Bundle):
    text = "tea " * 30 + "order"
    found = explain(bundle, text)
    assert found.intent is not None
    assert len(found.intent.words) == 31
    assert max(found.intent.words, key=lambda word: word.weight).start == text.index("order")


def test_of_what_has_no_words_there_is_nothing_to_explain(bundle: Bundle):
    found = explain(bundle, "  ")
    assert (found.intent, found.entities) == (None, ())


def test_a_model_of_one_intent_is_compared_with_its_not_being_that(make_bundle: MakeBundle):
    from .conftest import tiny_graph

    bundle = open_bundle(make_bundle(graph=tiny_graph(intents=1), intents=("only",)))
    found = explain(bundle, "hello there")
    assert found.intent is not None
    assert (found.intent.name, found.intent.against) == ("only", "")


def test_more_words_than_one_would_wait_for_are_refused_with_a_number(bundle: Bundle):
    with pytest.raises(TooLong, match=f"{MOST_WORDS + 1} words; at most {MOST_WORDS}"):
        explain(bundle, "tea " * (MOST_WORDS + 1))


async def test_a_server_explains_as_the_command_does(bundle: Bundle):
    assert await Nlu(Pipeline()).explain("order tea") is None
    async with serve(bundle) as served:
        assert await Nlu(Pipeline(), served).explain("order tea") == explain(bundle, "order tea")
