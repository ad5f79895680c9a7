import numpy as np
import pytest

from nlu.bundle import open_bundle
from nlu.corrections import FROM, Belief, Corrections
from nlu.pipeline import Nlu, Pipeline, serve

INTENTS = ("bye", "greet", "order")
DOUBTFUL = Belief(np.array([0.5, 0.3, 0.2]), 0.8)


def towards(cosine: float) -> np.ndarray:
    """A vector of length 1 with this cosine to the first axis."""
    return np.array([cosine, np.sqrt(1 - cosine**2), 0.0], np.float32)


SAID = towards(1.0)


def test_the_corrected_sentence_gets_its_label():
    corrections = Corrections(INTENTS)
    corrections.put("a", SAID, "order")
    mixed = corrections.mixed(DOUBTFUL, SAID)
    assert mixed.intents.argmax() == INTENTS.index("order")
    assert mixed.intents.max() > 0.95
    assert mixed.intents.sum() == pytest.approx(1)
    assert mixed.inside > 0.99


def test_what_is_far_from_every_correction_stays_as_it_is():
    corrections = Corrections(INTENTS)
    corrections.put("a", SAID, "order")
    assert corrections.mixed(DOUBTFUL, towards(FROM - 0.01)) is DOUBTFUL


def test_the_nearer_the_more_a_correction_counts():
    corrections = Corrections(INTENTS)
    corrections.put("a", SAID, "order")
    shares = [
        corrections.mixed(DOUBTFUL, towards(near)).intents[2] for near in (0.8, 0.9, 0.95, 1.0)
    ]
    assert shares == sorted(shares)
    assert shares[0] > DOUBTFUL.intents[2]


def test_a_sentence_out_of_scope_takes_belief_from_every_intent_alike():
    corrections = Corrections(INTENTS)
    corrections.put("a", SAID, None)
    mixed = corrections.mixed(DOUBTFUL, SAID)
    assert mixed.inside < 0.05
    assert mixed.intents == pytest.approx(DOUBTFUL.intents)


def test_neighbours_that_disagree_share_and_the_nearer_has_more():
    corrections = Corrections(INTENTS)
    corrections.put("a", towards(0.99), "order")
    corrections.put("b", towards(0.9), "bye")
    mixed = corrections.mixed(DOUBTFUL, SAID)
    assert mixed.intents.argmax() == INTENTS.index("order")


def test_a_second_thought_takes_the_place_of_the_first():
    corrections = Corrections(INTENTS)
    corrections.put("a", SAID, "order")
    corrections.put("a", SAID, "bye")
    assert len(corrections) == 1
    assert corrections.mixed(DOUBTFUL, SAID).intents.argmax() == INTENTS.index("bye")


def test_what_was_withdrawn_counts_no_more():
    corrections = Corrections(INTENTS)
    corrections.put("a", SAID, "order")
    corrections.drop("a")
    corrections.drop("never there")
    assert corrections.mixed(DOUBTFUL, SAID) is DOUBTFUL


def test_the_oldest_go_where_there_are_too_many():
    corrections = Corrections(INTENTS, most=2)
    for key, intent in (("a", "order"), ("b", "greet"), ("c", "bye")):
        corrections.put(key, SAID, intent)
    assert len(corrections) == 2
    assert corrections.mixed(DOUBTFUL, SAID).intents[2] < DOUBTFUL.intents[2]


def test_a_vector_that_is_no_number_changes_nothing():
    corrections = Corrections(INTENTS)
    corrections.put("a", SAID, "order")
    assert corrections.mixed(DOUBTFUL, np.full(3, np.nan, np.float32)) is DOUBTFUL


def test_an_intent_the_model_does_not_know_is_not_taken():
    corrections = Corrections(INTENTS)
    assert not corrections.takes("complain")
    assert corrections.takes("order")
    assert corrections.takes(None)
    with pytest.raises(KeyError):
        corrections.put("a", SAID, "complain")


async def test_a_model_that_heeds_answers_otherwise_at_once_and_still_finds_entities(make_bundle):
    async with serve(open_bundle(make_bundle())) as served:
        nlu = Nlu(Pipeline(selectors={"faq": 10}), served)
        heeded = nlu.heed()
        assert heeded
        again = nlu.heed()
        assert again
        assert again.corrections is heeded.corrections
        text = "hello tea"
        before = await nlu.parse(text)
        heeded.corrections.put("a", await heeded.read(text), "faq/price")
        after = await nlu.parse(text)
        assert (before.intent.name, after.intent.name) == ("greet", "faq")
        response = after.response_selector["faq"]["response"]
        assert response["intent_response_key"] == "faq/price"
        assert after.entities == before.entities
        heeded.corrections.drop("a")
        assert await nlu.parse(text) == before


async def test_without_a_model_of_intents_there_is_nothing_to_correct(make_bundle):
    assert Nlu(Pipeline()).heed() is None
    async with serve(open_bundle(make_bundle())) as served:
        assert Nlu(Pipeline(intents=False), served).heed() is None
