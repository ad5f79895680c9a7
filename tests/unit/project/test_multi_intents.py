"""Labels of several intents, as config.yml tells of them."""

from __future__ import annotations

import pytest

from bot.project.ignored import ignored
from bot.project.multi_intents import split_of
from bot.project.project import Component

PLUS = {"intent_tokenization_flag": True, "intent_split_symbol": "+"}


@pytest.mark.parametrize(
    ("options", "split"),
    [
        (PLUS, "+"),
        (PLUS | {"intent_tokenization_flag": False}, ""),
        ({"intent_tokenization_flag": True}, ""),  # Rasa's symbol is _, as in many plain names
        ({"intent_split_symbol": "+"}, ""),
        (PLUS | {"intent_split_symbol": 7}, ""),
        (PLUS | {"intent_tokenization_flag": "yes"}, ""),
        (PLUS | {"intent_split_symbol": ""}, ""),
        ({}, ""),
    ],
)
def test_a_project_says_as_in_rasa_that_labels_are_of_several_intents(options, split):
    tokenizer = Component("WhitespaceTokenizer", options)
    assert split_of([tokenizer, Component("DIETClassifier")]) == split
    assert bool(ignored([tokenizer])) == (not split)
