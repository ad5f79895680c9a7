"""Turns as a model understands them: what the miners look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from bot.review.item import Reason
from bot.review.scrubbing import whole
from bot.review.turn import Turn
from nlu import decode
from nlu.bundle import Bundle
from nlu.model import Reading, Scores
from nlu.parse import Context, Entity
from nlu.pipeline import MOST_PADDED_TOKENS
from nlu.tokenizer import readable

Float32 = npt.NDArray[np.float32]
FINDER = "DIETClassifier"
MOST_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Found:
    """A turn that a miner proposes: its index, and why."""

    index: int
    reason: Reason


@dataclass(frozen=True)
class Seen:
    """Turns, and for each of them in order what the model ``version`` makes of it.

    ``confidences``, ``margins`` (over the second intent) and ``inside`` (how likely it is about
    anything the bot knows): (turns,). ``vectors``: (turns, hidden), of length 1.
    """

    turns: Sequence[Turn]
    intents: Sequence[str]
    answers: Sequence[str]  # as ``intents``; of a retrieval intent its likeliest answer
    seconds: Sequence[str]
    confidences: Float32
    margins: Float32
    inside: Float32
    vectors: Float32
    entities: Sequence[tuple[Entity, ...]]
    version: str

    def __len__(self) -> int:
        return len(self.turns)


def see(
    turns: Sequence[Turn], bundle: Bundle, *, watch: Callable[[int], None] = lambda done: None
) -> Seen:
    """Have ``bundle`` read the turns; the same words in the same context once.

    ``watch`` is told how many texts were read.
    """
    asked = [_asked(turn, bundle) for turn in turns]
    read: dict[tuple[str, Context], _Answer] = {}
    for batch in _batches(list(dict.fromkeys(asked)), bundle):
        scores = bundle.model.read([reading for _, reading in batch])
        for (key, reading), one in zip(batch, scores, strict=True):
            read[key] = _answer(reading.text, one, bundle)
        watch(len(read))
    answers = [read[key] for key in asked]
    return Seen(
        turns=turns,
        intents=[one.intent for one in answers],
        answers=[one.answer for one in answers],
        seconds=[one.second for one in answers],
        confidences=np.array([one.confidence for one in answers], np.float32),
        margins=np.array([one.margin for one in answers], np.float32),
        inside=np.array([one.inside for one in answers], np.float32),
        vectors=np.stack([one.vector for one in answers])
        if answers
        else np.zeros((0, 1), np.float32),
        entities=[one.entities for one in answers],
        version=bundle.manifest.version,
    )


def vectors_of(texts: Sequence[str], bundle: Bundle) -> Float32:
    """The vectors of bare sentences, (texts, hidden)."""
    return see([Turn("", 0, text) for text in texts], bundle).vectors


@dataclass(frozen=True, slots=True)
class _Answer:
    intent: str
    answer: str
    second: str
    confidence: float
    margin: float
    inside: float
    vector: Float32
    entities: tuple[Entity, ...]


Key = tuple[str, Context]


def _asked(turn: Turn, bundle: Bundle) -> Key:
    context = Context(turn.before or None) if bundle.manifest.context_tokens else Context()
    return readable(turn.text), context


def _batches(keys: Sequence[Key], bundle: Bundle) -> Sequence[list[tuple[Key, Reading]]]:
    """Texts of one length together, where that changes no answer."""
    tokenizer = bundle.model.tokenizer
    readings = [(key, Reading(key[0], tokenizer, key[1])) for key in keys]
    if not bundle.batches:
        return [[one] for one in readings]
    found = []
    readings.sort(key=lambda one: one[1].length)
    for length, same in groupby(readings, key=lambda one: one[1].length):
        alike = list(same)
        most = max(1, min(MOST_AT_ONCE, MOST_PADDED_TOKENS // length))
        found += [alike[at : at + most] for at in range(0, len(alike), most)]
    return found


def _answer(text: str, scores: Scores, bundle: Bundle) -> _Answer:
    ranked = bundle.ranking(scores, most=2)
    first, second = ranked[0], ranked[1] if len(ranked) > 1 else None
    inside = bundle.scope.probability(scores.intents, scores.sentence) if bundle.scope else 1.0
    entities = decode.entities(
        text,
        scores.words,
        scores.tags,
        bundle.manifest.labels,
        extractor=FINDER,
        chain=bundle.model.chain,
    )
    return _Answer(
        intent=first.name or "",
        answer=_likeliest(first.name or "", scores.intents, bundle.manifest.intents),
        second=(second.name or "") if second else "",
        confidence=first.confidence,
        margin=first.confidence - (second.confidence if second else 0.0),
        inside=inside,
        vector=scores.sentence,
        entities=whole(text, entities),
    )


def _likeliest(intent: str, logits: Float32, names: Sequence[str]) -> str:
    """Of the answers of ``intent`` the likeliest; itself, where it has none."""
    answers = [at for at, name in enumerate(names) if name.startswith(f"{intent}/")]
    return names[max(answers, key=lambda at: float(logits[at]))] if answers else intent
