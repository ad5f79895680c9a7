"""Lists of values: found as whole words, mistyped ones too, in any number."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.extractors.fuzzy import FuzzyPhrases
from nlu.extractors.lookup import LookupExtractor

CITIES = ("Berlin", "Amsterdam", "New York", "Rome", "San Francisco", "Line 12345")


def near(text: str) -> list[tuple[str, object]]:
    extractor = LookupExtractor({"city": CITIES}, fuzzy=True)
    return [(text[e.start : e.end], e.value) for e in extractor.extract(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("to Berlin", [("Berlin", "Berlin")]),
        ("to berlni", []),  # two mistakes in six letters
        ("to Berln", [("Berln", "Berlin")]),
        ("to Berliin!", [("Berliin", "Berlin")]),
        ("to Xerlin", [("Xerlin", "Berlin")]),
        ("to Amstredam", [("Amstredam", "Amsterdam")]),
        ("to amsterdm tomorrow", [("amsterdm", "Amsterdam")]),
        ("sna francisco please", [("sna francisco", "San Francisco")]),
        ("to new yorck", [("new yorck", "New York")]),
        ("to Rone", []),  # four letters are too few
        ("Line 12346", []),  # another number is another thing
        ("from Berlin to Belrin or Berlim", [("Berlin", "Berlin"), ("Berlim", "Berlin")]),
        ("", []),
    ],
)
def test_a_mistyped_value_is_the_one_of_the_list(text: str, found: list[object]) -> None:
    assert near(text) == found


def test_mistakes_are_forgiven_only_where_wanted() -> None:
    assert LookupExtractor({"city": CITIES}).extract("to Berln") == []


def test_the_nearer_value_wins() -> None:
    phrases = FuzzyPhrases(["washington", "wallington"])
    assert [each.value for each in phrases.find("wallingtn")] == ["wallington"]


def test_in_chinese_a_value_is_found_among_other_characters() -> None:
    extractor = LookupExtractor({"city": ["北京", "上海"]})
    assert [(e.value, e.start) for e in extractor.extract("我想从北京到上海去")] == [
        ("北京", 3),
        ("上海", 6),
    ]


def test_beside_chinese_a_latin_word_is_whole() -> None:
    extractor = LookupExtractor({"brand": ["KFC"]})
    assert [e.start for e in extractor.extract("附近的KFC在哪 KFCs")] == [3]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text(max_size=60), st.lists(st.text(max_size=14), max_size=6))
def test_whatever_is_listed_and_typed_spans_lie_in_the_text(text: str, listed: list[str]) -> None:
    for entity in LookupExtractor({"any": listed}, fuzzy=True).extract(text):
        assert 0 <= entity.start < entity.end <= len(text)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_any_one_mistake_in_a_long_enough_word_is_forgiven(data: st.DataObject) -> None:
    word = data.draw(st.text("abcdefgh", min_size=6, max_size=12))
    at = data.draw(st.integers(0, len(word) - 1))
    change = data.draw(st.sampled_from(("drop", "swap", "add")))
    tail = {"drop": word[at + 1 :], "swap": "z" + word[at + 1 :], "add": "z" + word[at:]}[change]
    (found,) = FuzzyPhrases([word]).find(word[:at] + tail)
    assert found.value == word
