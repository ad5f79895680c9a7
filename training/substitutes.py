"""Other wordings of examples: a word or two replaced by what a masked-language model finds likely.

Only where they change nothing of what is meant, as far as that can be told: never within an
entity; never what a first model, trained on the examples as they are, takes for another intent;
never what is an example of another intent (Kobayashi 2018, arXiv 1805.06201, for the idea; the
filter is that of Anaby-Tavor and others 2019, arXiv 1911.03118).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import msgspec

from bot.project.project import Example
from nlu.tokenizer import Tokens
from training.guesser import WordGuesser

WORDINGS = 4  # tried for each example
REPLACED = 0.2  # of its words, one at least
LIKELIEST = 10  # words of which one is drawn
AT_ONCE = 16  # texts that are read together

Draft = tuple[int, Tokens, list[int]]  # an example's number, its tokens, the words to replace
Judge = Callable[[Sequence[Example]], Sequence[str]]  # the intent of each, to a first model


def substitutes_of(
    examples: Sequence[Example],
    guesser: WordGuesser,
    judge: Judge,
    *,
    seed: int,
    report: Callable[[str], None] = lambda line: None,
) -> list[list[Example]]:
    """For each of ``examples`` its other wordings, none for many. The same seed draws the same."""
    rng = random.Random(seed)
    drafts = list(_drafts(examples, guesser, rng))
    tried = [
        (number, _reworded(examples[number], tokens, words))
        for (number, tokens, _), words in _filled(drafts, guesser, rng)
    ]
    fresh = list(_fresh(tried, examples))
    said = judge([wording for _, wording in fresh])
    found: list[list[Example]] = [[] for _ in examples]
    for (number, wording), intent in zip(fresh, said, strict=True):
        if intent == wording.intent:
            found[number].append(wording)
    kept = sum(map(len, found))
    report(
        f"{kept} other wordings for {sum(map(bool, found))} of {len(examples)} examples; of "
        f"{len(tried)} that were tried, {len(tried) - len(fresh)} were examples already, "
        f"{len(fresh) - kept} meant something else to a first model"
    )
    return found


def _drafts(
    examples: Sequence[Example], guesser: WordGuesser, rng: random.Random
) -> Iterator[Draft]:
    for number, example in enumerate(examples):
        tokens = guesser.tokenizer.encode(example.text)
        free = replaceable(example, tokens)
        count = max(1, round(REPLACED * len(free)))
        for _ in range(WORDINGS if free else 0):
            yield number, tokens, sorted(rng.sample(free, count))


def replaceable(example: Example, tokens: Tokens) -> list[int]:
    """Which words of ``example`` are of letters and outside its entities. A sentence's only word is
    all there is to it, and stays."""
    if len(tokens.words) < 2:
        return []
    return [
        number
        for number, (start, end) in enumerate(tokens.words)
        if example.text[start:end].isalpha()
        and not any(e.start < end and start < e.end for e in example.entities)
    ]


def _filled(
    drafts: Sequence[Draft], guesser: WordGuesser, rng: random.Random
) -> Iterator[tuple[Draft, dict[int, str]]]:
    """Each draft with the words that take the places of its own."""
    order = sorted(range(len(drafts)), key=lambda at: len(drafts[at][1].ids))
    for begin in range(0, len(order), AT_ONCE):
        some = [drafts[at] for at in order[begin : begin + AT_ONCE]]
        texts, places = [tokens for _, tokens, _ in some], [words for _, _, words in some]
        for draft, guesses in zip(some, guesser.guess(texts, places, LIKELIEST), strict=True):
            yield (
                draft,
                {at: rng.choice(words) for at, words in zip(draft[2], guesses, strict=True)},
            )


def _reworded(example: Example, tokens: Tokens, words: dict[int, str]) -> Example:
    """``example`` with ``words`` in place of its own, by their numbers; entities move along."""
    text, entities = example.text, list(example.entities)
    for number in sorted(words, reverse=True):  # from the end, so that starts stay true
        start, end = tokens.words[number]
        word = _cased(words[number], text[start:end])
        text = text[:start] + word + text[end:]
        shift = len(word) - (end - start)
        entities = [
            msgspec.structs.replace(e, start=e.start + shift, end=e.end + shift)
            if e.start >= end
            else e
            for e in entities
        ]
    return msgspec.structs.replace(example, text=text, entities=tuple(entities))


def _cased(word: str, like: str) -> str:
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word.capitalize() if like[0].isupper() else word


def _fresh(
    tried: Sequence[tuple[int, Example]], examples: Sequence[Example]
) -> Iterator[tuple[int, Example]]:
    """Those of ``tried`` that are no example yet, of whatever intent, each of an intent once."""
    known = {_plain(example.text) for example in examples}
    given: dict[str, set[str]] = defaultdict(set)
    for number, wording in sorted(tried, key=lambda each: each[0]):
        plain = _plain(wording.text)
        if plain not in known and plain not in given[wording.intent]:
            given[wording.intent].add(plain)
            yield number, wording


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
