import time

import pytest

from nlu.keywords import Keywords
from nlu.parse import Intent, Parse

EXAMPLES = [("hello", "greet"), ("good morning", "greet"), ("order", "order"), ("hi", "greet")]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hello", "greet"),
        ("well, hello!", "greet"),
        ("this", None),
        ("hello_there", None),
        ("order now, good morning", "greet"),
        ("Hello", None),
        ("", None),
    ],
)
def test_the_first_listed_example_that_occurs_as_whole_words_decides(text, intent):
    assert Keywords(EXAMPLES, case_sensitive=True).intent(text) == intent


def test_case_counts_only_if_asked():
    assert Keywords([("Hello", "greet")]).intent("HELLO you") == "greet"
    assert Keywords([("Hello", "greet")], case_sensitive=True).intent("hello") is None


@pytest.mark.parametrize("example", ["what?", "a+b", "(x", "[", "*", "c++", "$5", "\\", ".", "😀"])
def test_regex_characters_in_an_example_are_letters(example):
    keywords = Keywords([(example, "odd")])
    assert keywords.intent(f"so {example} then") == "odd"
    assert keywords.intent("so zzz then") is None


def test_an_example_of_two_intents_tells_nothing():
    keywords = Keywords([("yes", "affirm"), ("Yes", "agree"), ("no", "deny")])
    assert keywords.intent("yes") is None
    assert keywords.intent("yes or no") == "deny"


def test_an_answer_of_a_retrieval_intent_counts_as_that_intent():
    keywords = Keywords([("when", "faq/hours"), ("when", "faq/dates")])
    assert keywords.intent("when?") == "faq"


def test_no_examples_and_blank_examples_decide_nothing():
    assert Keywords([]).intent("hello") is None
    assert Keywords([("  ", "blank")]).intent("hello  there") is None


def test_what_is_found_leads_the_ranking_and_what_is_not_changes_nothing():
    bye, greet = Intent("bye", 0.7), Intent("greet", 0.2)
    parse = Parse(text="hello", intent=bye, intent_ranking=(bye, greet))
    decided = Keywords(EXAMPLES).decide(parse)
    assert decided.intent == Intent("greet", 1.0)
    assert decided.intent_ranking == (Intent("greet", 1.0), bye)
    assert Keywords([("order", "order")]).decide(parse) is parse


def test_thousands_of_keywords_on_a_megabyte_take_no_time():
    keywords = Keywords((f"keyword {n}", f"intent_{n}") for n in range(5000))
    begun = time.process_time()
    assert keywords.intent("keyword " * 130_000) is None
    assert time.process_time() - begun < 0.5


def test_a_keyword_alone_ranks_nothing():
    parse = Keywords([("hello", "greet")]).decide(Parse("hello"))
    assert (parse.intent, parse.intent_ranking) == (Intent("greet", 1.0), ())
