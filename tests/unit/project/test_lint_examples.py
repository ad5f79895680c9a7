"""Sentences with two labels, and sentences that are nearly the same."""

from __future__ import annotations

import time

import pytest

from bot.project.check import check_project
from tests.unit.project.conftest import Write

DOMAIN = "intents: [one, two]\nentities: [city]\nresponses: {utter_a: [{text: A}]}\n"


def found(write: Write, one: str, two: str, code: str = "near-duplicate") -> list[str]:
    """What is said of a sentence of the intent one beside a sentence of the intent two."""
    written = [
        f"- intent: {i}\n  examples: |\n    - {s}\n" for i, s in (("one", one), ("two", two))
    ]
    data = "nlu:\n" + "".join(written)
    problems = check_project(write(DOMAIN, **{"data/nlu.yml": data}), environ={})
    return [str(p) for p in problems if p.code == code]


def test_the_same_sentence_with_another_intent_is_a_conflict(write: Write) -> None:
    (said,) = found(write, "Good  morning", "good morning", "label-conflict")
    assert (
        "data/nlu.yml:7: 'good morning' is an example of 'two' here and of 'one' in data/nl" in said
    )


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("good morning!", "good morning"),
        ("goodbye", "Good-bye"),
        ("whats up", "what's up"),
        ("my top up was rejected, why?", "why was my top up rejected"),
        ("cafe", "Café"),
        ("fly me from [Rome](city)", "fly me from [Oslo](city)"),
        ("who gets the money", "who gets the moeny?"),
        ("i do not recognise it", "i do not recognize it"),
        ("मेरा नाम क्या है?", "मेरा नाम क्या है"),
    ],
)
def test_sentences_that_differ_by_next_to_nothing_are_named(
    write: Write, one: str, two: str
) -> None:
    (said,) = found(write, one, two)
    assert said.startswith("data/nlu.yml:7: ")
    assert "an example of 'two', is nearly" in said
    assert "one of 'one' in data/nlu.yml:4." in said


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("turn the light on", "turn the light off"),
        ("yes", "yep"),
        ("in [Rome](city)", "in [Oslo](city)"),
        ("great 👍", "great 👎"),
        ("see you on sunday then", "see you on monday then"),
        ("how to install that", "how to uninstall that"),
        ("room 12345 for me", "room 12346 for me"),
        ("?", "!"),
        ("की", "का"),
    ],
)
def test_sentences_that_mean_something_else_are_not(write: Write, one: str, two: str) -> None:
    assert found(write, one, two) == []


def test_one_intent_may_say_it_in_two_ways(write: Write) -> None:
    data = "nlu:\n- intent: one\n  examples: |\n    - good bye\n    - goodbye!\n"
    problems = check_project(write(DOMAIN, **{"data/nlu.yml": data}), environ={})
    assert [p for p in problems if p.code == "near-duplicate"] == []


def test_many_are_shown_up_to_a_number(write: Write) -> None:
    lines = [[f"    - number {n} is taken{mark}" for n in range(300)] for mark in ("", "!")]
    data = "nlu:\n" + "".join(
        f"- intent: {name}\n  examples: |\n" + "\n".join(each) + "\n"
        for name, each in zip(("one", "two"), lines, strict=True)
    )
    problems = check_project(write(DOMAIN, **{"data/nlu.yml": data}), environ={})
    near = [p for p in problems if p.code == "near-duplicate"]
    assert len(near) == 201
    assert [p.message for p in near if p.severity == "note"] == [
        "100 more pairs of examples are nearly the same."
    ]


def test_sentences_that_share_all_but_one_word_do_not_take_for_ever(write: Write) -> None:
    """Compared pair by pair, 8,000 of them would take far longer."""
    words = ["".join(chr(97 + n // 26**k % 26) for k in range(3)) for n in range(8000)]
    data = "nlu:\n" + "".join(
        f"- intent: {name}\n  examples: |\n"
        + "".join(f"    - my name is s{word}son\n" for word in words[first::2])
        for first, name in enumerate(("one", "two"))
    )
    began = time.process_time()
    check_project(write(DOMAIN, **{"data/nlu.yml": data}), environ={})
    assert time.process_time() - began < 5
