import pytest

from nlu.errors import NluError
from nlu.extractors.base import merge
from nlu.extractors.lookup import LookupExtractor
from nlu.extractors.regex import RegexExtractor
from nlu.extractors.synonyms import Synonyms
from nlu.parse import Entity

ORDER = RegexExtractor({"order": [r"\bA\d{4}\b"]})


def model(text, part, entity, role=None):
    start = text.index(part)
    return Entity(entity=entity, value=part, start=start, end=start + len(part), role=role)


def found(text, entities):
    return [(e.entity, text[e.start : e.end]) for e in entities]


def test_a_pattern_ignores_case_unless_told():
    assert found("a1234", ORDER.extract("a1234")) == [("order", "a1234")]
    strict = RegexExtractor({"order": [r"A\d{4}"]}, case_sensitive=True)
    assert strict.extract("a1234") == []


def test_a_pattern_that_is_none_is_refused_by_name():
    with pytest.raises(NluError, match=r"regex 'order': '\(' is no pattern"):
        RegexExtractor({"order": ["("]})


def test_empty_matches_are_no_entities():
    assert RegexExtractor({"x": ["z*"]}).extract("abc") == []


def test_listed_values_are_whole_words_unless_told():
    text = "teapot and tea, TEA"
    assert [e.start for e in LookupExtractor({"drink": ["tea"]}).extract(text)] == [11, 16]
    anywhere = LookupExtractor({"drink": ["tea"]}, whole_words=False)
    assert [e.start for e in anywhere.extract(text)] == [0, 11, 16]
    strict = LookupExtractor({"drink": ["tea"]}, case_sensitive=True)
    assert [e.start for e in strict.extract(text)] == [11]


def test_letters_that_grow_in_lower_case_move_nothing():
    [entity] = LookupExtractor({"drink": ["tea"]}).extract("İİİ Tea")
    assert (entity.value, entity.start) == ("Tea", 4)


def test_a_pattern_that_covers_the_models_span_wins_and_keeps_its_role():
    text = "where is A1234 now"
    [order] = merge(text, [model(text, "1234", "order", role="late")], [ORDER])
    assert (order.value, order.role, order.extractor) == ("A1234", "late", "RegexEntityExtractor")


def test_a_longer_pattern_wins_over_another_entity():
    text = "mail bob@example.org"
    mail = RegexExtractor({"email": [r"\S+@\S+"]})
    assert found(text, merge(text, [model(text, "bob", "person")], [mail])) == [
        ("email", "bob@example.org")
    ]


def test_where_a_pattern_only_says_another_entity_the_model_knows_better():
    text = "send 12345 of them"
    zip_code = RegexExtractor({"zip": [r"\d{5}"]})
    amount = model(text, "12345", "amount")
    assert merge(text, [amount], [zip_code]) == (amount,)


def test_a_pattern_that_cuts_the_models_span_loses():
    text = "the A1234 box"
    whole = model(text, "A1234 box", "order")
    assert merge(text, [whole], [ORDER]) == (whole,)


def test_a_list_never_wins_over_the_model():
    text = "new york pizza"
    cities = LookupExtractor({"city": ["new york"]})
    dish = model(text, "york pizza", "dish")
    assert merge(text, [dish], [cities]) == (dish,)


def test_among_extractors_the_longer_wins_and_all_are_in_order():
    text = "A1234 from new york to york"
    cities = LookupExtractor({"city": ["york", "new york"]})
    assert found(text, merge(text, [], [cities, ORDER])) == [
        ("order", "A1234"),
        ("city", "new york"),
        ("city", "york"),
    ]


def test_synonyms_change_the_value_and_nothing_else():
    text = "NYC and Rome"
    nyc, rome = model(text, "NYC", "city"), model(text, "Rome", "city")
    changed, same = Synonyms({"nyc": "New York"}).apply([nyc, rome])
    assert (changed.value, changed.start, changed.end) == ("New York", 0, 3)
    assert same == rome


def test_a_pattern_that_takes_for_ever_is_left_and_the_others_go_on():
    extractor = RegexExtractor({"trap": ("(a|aa)+$",), "number": (r"\d+",)})
    found = extractor.extract("a" * 200 + "! order 20415")
    assert [(each.entity, each.value) for each in found] == [("number", "20415")]
