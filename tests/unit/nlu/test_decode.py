import itertools

import numpy as np
import pytest

from nlu.decode import entities, legal_tags, ranking, selection, softmax
from nlu.manifest import EntityLabel

INTENTS = ("bye", "faq/hours", "faq/price", "greet")
LABELS = (EntityLabel("city", role="to"), EntityLabel("item", group="1"))
OUT, B_CITY, I_CITY, B_ITEM, I_ITEM = range(5)


def rows(*tags):
    """Emissions that clearly say these tags."""
    emissions = np.zeros((len(tags), 5), np.float32)
    emissions[np.arange(len(tags)), list(tags)] = 8.0
    return emissions


def test_probabilities_sum_to_one_and_keep_their_order():
    probabilities = softmax(np.array([1000.0, -1000.0, 999.0], np.float32))
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities.argsort().tolist() == [1, 2, 0]


def test_answers_of_a_retrieval_intent_count_together():
    ranked = ranking([0.3, 0.25, 0.15, 0.3], INTENTS)
    assert [intent.name for intent in ranked] == ["faq", "bye", "greet"]
    assert ranked[0].confidence == pytest.approx(0.4)


def test_a_ranking_is_as_long_as_asked():
    assert len(ranking([0.1] * 4, INTENTS, most=2)) == 2
    assert len(ranking([0.1] * 20, [f"i{n}" for n in range(20)], most=0)) == 20


def test_an_answer_is_selected_as_rasa_writes_it():
    selected = selection([0.2, 0.1, 0.3, 0.4], INTENTS, {"faq": 10, None: 0})
    assert selected["all_retrieval_intents"] == ["faq"]
    response = selected["faq"]["response"]
    assert response["intent_response_key"] == "faq/price"
    assert response["utter_action"] == "utter_faq/price"
    assert response["confidence"] == pytest.approx(0.75)
    assert response["responses"] == []
    assert [r["intent_response_key"] for r in selected["faq"]["ranking"]] == [
        "faq/price",
        "faq/hours",
    ]
    assert selected["default"] == selected["faq"]


def test_a_selector_without_answers_selects_nothing():
    assert set(selection([1.0, 0, 0, 0], INTENTS, {"other": 10})) == {"all_retrieval_intents"}
    assert selection([1.0], ["greet"], {"faq": 10}) == {}
    assert selection([1.0, 0, 0, 0], INTENTS, {}) == {}


def test_so_many_answers_are_ranked_as_a_selector_wants():
    names = [f"faq/{number}" for number in range(12)]
    selected = selection([1 / 12] * 12, names, {"faq": 2, None: 0})
    assert len(selected["faq"]["ranking"]) == 2
    assert len(selected["default"]["ranking"]) == 12


def legal(tags):
    return all(
        tag in (OUT, B_CITY, B_ITEM) or before in (tag, tag - 1)
        for before, tag in itertools.pairwise((OUT, *tags))
    )


def test_the_tags_are_the_best_of_all_legal_ones():
    random = np.random.default_rng(7)
    for _ in range(60):
        emissions = random.normal(size=(4, 5)).astype(np.float32)
        best = max(
            (tags for tags in itertools.product(range(5), repeat=4) if legal(tags)),
            key=lambda tags: emissions[np.arange(4), list(tags)].sum(),
        )
        assert legal_tags(emissions) == list(best)


def test_words_of_one_entity_are_joined_with_what_lies_between():
    text = "to new  york!"
    [city] = entities(
        text,
        [(0, 2), (3, 6), (8, 12), (12, 13)],
        rows(OUT, B_CITY, I_CITY, OUT),
        LABELS,
        extractor="x",
    )
    assert (city.entity, city.value, city.start, city.end) == ("city", "new  york", 3, 12)
    assert (city.role, city.group, city.extractor) == ("to", None, "x")
    assert 0.99 < city.confidence_entity <= 1


def test_neighbours_that_both_begin_are_two_entities():
    found = entities("tea milk", [(0, 3), (4, 8)], rows(B_ITEM, B_ITEM), LABELS, extractor="x")
    assert [(e.value, e.group) for e in found] == [("tea", "1"), ("milk", "1")]


def test_a_text_without_words_or_labels_has_no_entities():
    assert entities("", [], np.zeros((0, 5), np.float32), LABELS, extractor="x") == []
    assert entities("a", [(0, 1)], np.zeros((1, 1), np.float32), (), extractor="x") == []


def test_an_inside_that_nothing_began_opens_no_entity_of_another_label():
    emissions = rows(B_CITY, I_ITEM)
    emissions[1, I_CITY] = 7.0
    [city] = entities("new york", [(0, 3), (4, 8)], emissions, LABELS, extractor="x")
    assert city.value == "new york"
