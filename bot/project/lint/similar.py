"""Sentences of different intents that differ by next to nothing.

Two sentences are nearly the same when their words are: written together or apart, in any order,
without punctuation, and with an entity's name for what it stands on. Or when all words but one
are, and that one is a slip of the pen. Sentences meet only where an index brings them together,
and only so many slips are looked at, so that a large project takes seconds.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import regex
from rapidfuzz.distance import DamerauLevenshtein

from bot.project.lint.examples import at_example, folded, place
from bot.project.lint.subject import Found, Subject
from bot.project.project import Example
from bot.project.report import shortened

MOST_PAIRS = 1_000_000  # of words that may be slips of one another
MOST_FOUND = 200
FEWEST_WORDS = 3  # beside an entity or a slip; fewer are too little to go by
FEWEST_LETTERS = 5  # of a word with a slip; shorter ones are often other words
APOSTROPHES = regex.compile("['\u2019\u02bc]")
PUNCTUATION = regex.compile(r"\p{P}+")
ACCENTS = regex.compile("[\u0300-\u036f]+")


@dataclass(frozen=True, slots=True, eq=False)
class _Sentence:
    example: Example
    words: tuple[str, ...]  # plain; for what an entity stands on, <its name>
    is_masked: bool


_Pair = tuple[_Sentence, _Sentence]


def check(subject: Subject) -> Iterator[Found]:
    """Pairs of examples of different intents that are nearly the same, the first of many."""
    sentences = _sentences(subject.project.nlu.examples)
    found: dict[tuple[int, int], _Pair] = {}
    for one, other in (
        *_alike(sentences, _squeezed),
        *_alike(sentences, _sorted),
        *_slips(sentences),
    ):
        found.setdefault((id(one), id(other)), (one, other))
    for pair in islice(found.values(), MOST_FOUND):
        yield _found(*pair)
    if len(found) > MOST_FOUND:
        last = list(found.values())[MOST_FOUND][1].example
        message = f"{len(found) - MOST_FOUND} more pairs of examples are nearly the same."
        yield Found("note", "near-duplicate", at_example(last, message, ""))


def _found(one: _Sentence, other: _Sentence) -> Found:
    message = (
        f"'{shortened(other.example.text)}', an example of '{other.example.intent}', is nearly "
        f"'{shortened(one.example.text)}', one of '{one.example.intent}' in {place(one.example)}."
    )
    hint = "If they mean the same, give them one intent."
    return Found("warning", "near-duplicate", at_example(other.example, message, hint))


def _sentences(examples: Iterable[Example]) -> list[_Sentence]:
    """The examples that can be compared, those of one intent with the same words once."""
    sentences: dict[tuple[str, tuple[str, ...]], _Sentence] = {}
    for example in examples:
        words = _words(example)
        is_masked = any(word.startswith("<") for word in words)
        if words and not (is_masked and len(words) <= FEWEST_WORDS):
            key = (example.intent, words)
            sentences.setdefault(key, _Sentence(example, words, is_masked))
    return list(sentences.values())


def _words(example: Example) -> tuple[str, ...]:
    text, end = "", 0
    for entity in sorted(example.entities, key=lambda e: e.start):
        if entity.start >= end:
            text += f"{_plain(example.text[end : entity.start])} <{entity.entity}> "
            end = entity.end
    return tuple(f"{text}{_plain(example.text[end:])}".split())


def _plain(text: str) -> str:
    """``text`` in small letters, without accents, apostrophes and punctuation."""
    letters = APOSTROPHES.sub("", text.casefold())
    if not letters.isascii():
        letters = ACCENTS.sub("", unicodedata.normalize("NFKD", letters))
    return str(PUNCTUATION.sub(" ", letters))


def _squeezed(sentence: _Sentence) -> str:
    return "".join(sentence.words)


def _sorted(sentence: _Sentence) -> str:
    return " ".join(sorted(sentence.words))


def _alike(sentences: Iterable[_Sentence], key: Callable[[_Sentence], str]) -> Iterator[_Pair]:
    """Sentences with the same key as one before them."""
    first: dict[str, _Sentence] = {}
    for sentence in sentences:
        one = first.setdefault(key(sentence), sentence)
        if _differ(one, sentence):
            yield one, sentence


def _differ(one: _Sentence, other: _Sentence) -> bool:
    """Whether they have different intents; the same text twice is another check's business."""
    return one.example.intent != other.example.intent and folded(one.example.text) != folded(
        other.example.text
    )


def _slips(sentences: Iterable[_Sentence]) -> Iterator[_Pair]:
    """Sentences with a slip in one word, the places with the fewest words first."""
    places: dict[int, list[tuple[str, _Sentence]]] = defaultdict(list)
    for sentence in sentences:
        words = sentence.words
        for number, word in enumerate(words if len(words) > FEWEST_WORDS else ()):
            if len(word) >= FEWEST_LETTERS and word.isalpha():
                # A slip in the first letter is rare, and makes another word more often.
                around = hash((words[:number], word[0], words[number + 1 :]))
                places[around].append((word, sentence))
    left = MOST_PAIRS
    for known in sorted((k for k in places.values() if len(k) > 1), key=len):
        left -= len(known) * (len(known) - 1) // 2
        if left < 0:
            return
        for (word, one), (slip, other) in combinations(known, 2):
            if DamerauLevenshtein.distance(word, slip, score_cutoff=1) == 1 and _differ(one, other):
                yield one, other
