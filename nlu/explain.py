"""Which words decided: what becomes of an answer when a word is blanked.

Occlusion, on the served graph itself: every word in turn is read as one that is not known, and the
answer compared with that to the whole text. Nothing is said of what finds entities without the
model. (Zeiler and Fergus 2014 for pictures; Li, Monroe and Jurafsky 2016 for sentences.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from nlu import decode
from nlu.bundle import Bundle
from nlu.errors import NluError
from nlu.manifest import EntityLabel
from nlu.model import Reading, Scores
from nlu.parse import NO_CONTEXT, Context, Entity
from nlu.tokenizer import readable

MOST_WORDS = 100  # each is a run of the model
LEAST = 1e-6  # a probability below this counts as this


class TooLong(NluError):
    """A text of more words than are looked at one by one."""

    status = 413
    reason = "TooLong"


class Word(msgspec.Struct, frozen=True):
    """A word, and what it did for an answer.

    ``without`` is the answer's probability when the word is blanked. ``weight`` is what the word
    adds to the log-odds of the answer against the next best: above 0 it spoke for it, below 0
    against it; 1 is a factor of 2.7.
    """

    text: str
    start: int
    end: int
    without: float
    weight: float


class Answer(msgspec.Struct, frozen=True):
    """What the model said, and the part of each word in it, in the order of the text.

    ``against`` is what it was compared with, the next best intent; empty where there is no other.
    """

    name: str
    confidence: float
    against: str
    words: tuple[Word, ...]


class FoundEntity(msgspec.Struct, frozen=True):
    """As ``Answer``, of what stands from ``start`` to ``end``, against there being none."""

    entity: str
    start: int
    end: int
    role: str | None
    group: str | None
    confidence: float
    words: tuple[Word, ...]


class Explanation(msgspec.Struct, frozen=True):
    """Why a bundle understands ``text`` as it does; ``intent`` is None if it sees no word in it."""

    text: str
    model: str
    intent: Answer | None
    entities: tuple[FoundEntity, ...]


def explain(bundle: Bundle, text: str, context: Context = NO_CONTEXT) -> Explanation:
    """Why ``bundle`` understands ``text`` as it does. Runs the model once for each word and once
    more, so not on the event loop. Raises TooLong."""
    whole = Reading(readable(text), bundle.model.tokenizer, context)
    blanks = blanked(whole)
    scores, *without = (bundle.model.read([reading])[0] for reading in (whole, *blanks))
    return explanation(bundle, whole.text, scores, without)


def blanked(whole: Reading) -> list[Reading]:
    """``whole`` without each of its words in turn. Raises TooLong."""
    words = whole.words
    if len(words) > MOST_WORDS:
        raise TooLong(
            f"The text has {len(words)} words; at most {MOST_WORDS} can be explained, as each "
            "takes a run of the model."
        )
    return [whole.blanked(start, end) for start, end in words]


def explanation(
    bundle: Bundle, text: str, scores: Scores, without: Sequence[Scores]
) -> Explanation:
    """What ``scores`` of ``text`` say, and those of it ``without`` each word in turn."""
    version = bundle.manifest.version
    if not scores.words:
        return Explanation(text, version, None, ())
    intent = _intent(bundle, text, scores, without)
    return Explanation(text, version, intent, tuple(_entities(bundle, text, scores, without)))


def _intent(bundle: Bundle, text: str, scores: Scores, without: Sequence[Scores]) -> Answer:
    whole = _shares(bundle, scores)
    best, *others = sorted(whole, key=lambda name: -whole[name])
    rival = others[0] if others else ""

    def odds(shares: Mapping[str, float]) -> float:
        against = shares.get(rival, 0.0) if rival else 1 - shares[best]
        return math.log(max(shares.get(best, 0.0), LEAST) / max(against, LEAST))

    words = tuple(
        Word(text[start:end], start, end, each.get(best, 0.0), odds(whole) - odds(each))
        for (start, end), each in zip(
            scores.words, (_shares(bundle, each) for each in without), strict=True
        )
    )
    return Answer(best, whole[best], rival, words)


def _shares(bundle: Bundle, scores: Scores) -> dict[str, float]:
    ranked = bundle.ranking(scores, most=0)
    return {intent.name or "": intent.confidence for intent in ranked}


def _entities(
    bundle: Bundle, text: str, scores: Scores, without: Sequence[Scores]
) -> Iterator[FoundEntity]:
    chain, labels = bundle.model.chain, bundle.manifest.labels
    found = decode.entities(text, scores.words, scores.tags, labels, extractor="", chain=chain)
    for entity in found:
        whole = _sureness(bundle, scores, entity)
        sureness = [_sureness(bundle, each, entity) for each in without]
        words = tuple(
            Word(text[start:end], start, end, each, _odds(whole) - _odds(each))
            for (start, end), each in zip(scores.words, sureness, strict=True)
        )
        yield FoundEntity(
            *(entity.entity, entity.start, entity.end, entity.role, entity.group, whole, words)
        )


def _sureness(bundle: Bundle, scores: Scores, entity: Entity) -> float:
    """How probable it is, in the mean of its words, that they are of such an entity."""
    chain, labels = bundle.model.chain, bundle.manifest.labels
    named = EntityLabel(entity.entity, entity.role, entity.group)
    begins = 1 + 2 * labels.index(named)
    probabilities = chain.marginals(scores.tags) if chain else decode.softmax(scores.tags)
    own = [
        n
        for n, (start, end) in enumerate(scores.words)
        if entity.start <= start and end <= entity.end
    ]
    return float(probabilities[own, begins : begins + 2].sum(axis=1).mean())


def _odds(probability: float) -> float:
    return math.log(max(probability, LEAST) / max(1 - probability, LEAST))
