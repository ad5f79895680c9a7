from __future__ import annotations

import numpy as np
import pytest

from training.dedupe import near_duplicates, nearest, normalised, without

from .conftest import example


def find(training: list[str], tests: list[str], threshold: float = 90.0) -> dict[int, str]:
    found = near_duplicates(
        [example("a", text) for text in training], [example("a", text) for text in tests], threshold
    )
    return {index: pair.test for index, pair in found.items()}


def test_case_marks_and_spaces_make_no_difference():
    assert normalised("  Where's MY order?! ") == normalised("where s my order")
    assert find(["Hello, there!"], ["hello there"]) == {0: "hello there"}


def test_a_letter_more_or_less_is_a_near_duplicate_and_other_words_are_not():
    assert find(
        ["where is my order please", "cancel my order please", "whre is my order please"],
        ["where is my order, please?"],
    ) == {0: "where is my order, please?", 2: "where is my order, please?"}


def test_the_most_similar_test_is_named():
    assert find(["yes plese"], ["yes pleases", "yes please"]) == {0: "yes please"}


def test_texts_of_nothing_but_marks_are_compared_as_they_are():
    assert find(["???", "!"], ["???"]) == {0: "???"}


def test_many_tests_are_compared_in_parts():
    tests = [f"sentence of {i * 7919} things" for i in range(600)]
    assert len(find(tests, tests, 100.0)) == 600


def test_an_intent_keeps_an_example_though_the_tests_repeat_them_all():
    examples = [example("bye", "bye"), example("bye", "bye bye"), example("greet", "hello")]
    dropped = near_duplicates(examples, [example("bye", "bye"), example("bye", "bye bye")], 90.0)
    assert [e.text for e in without(examples, dropped)] == ["hello", "bye"]


def test_the_nearest_training_sentence_of_each_test_is_found():
    vectors = np.eye(3, dtype=np.float32)
    tests = np.array([[0, 1, 0], [0.6, 0, 0.8]], dtype=np.float32)
    found = nearest(["a", "b", "c"], ["B", "ac"], vectors, tests)
    assert [(pair.training, pair.test) for pair in found.pairs] == [("b", "B"), ("c", "ac")]
    assert found.pairs[1].similarity == pytest.approx(0.8)
    assert found.quantiles["0.50"] == pytest.approx(0.9)
