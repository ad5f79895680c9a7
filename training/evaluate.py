"""How often a model is right, and how sure we are of that."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from bot.project.project import Example, ExampleEntity
from nlu import decode
from nlu.manifest import EntityLabel
from nlu.model import Model, Reading
from nlu.parse import NO_CONTEXT, Context, Entity
from nlu.scope import Scope
from nlu.several import Several

RESAMPLES = 1000  # of the bootstrap


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one text; ``column`` is the likeliest by itself, see ``intent_of``."""

    intent: str
    column: int
    logits: tuple[float, ...]
    entities: tuple[Entity, ...]
    inside: float = 1.0  # probability that the text has any of the intents


class Prf(msgspec.Struct, frozen=True):
    """Precision, recall and F1; ``support`` is how many there are to find."""

    precision: float
    recall: float
    f1: float
    support: int


class Confusion(msgspec.Struct, frozen=True):
    """Sentences of one intent taken for another."""

    expected: str
    answered: str
    count: int
    texts: tuple[str, ...]


class Scores(msgspec.Struct, frozen=True):
    """Scores over one set of sentences. Intervals are 95 % wide.

    An entity counts when its start, end and name are right (strict); ``role_accuracy`` is the
    share of those whose role and group are right too, among those that have or were given one.
    """

    sentences: int
    intent_accuracy: float
    intent_interval: tuple[float, float]  # Wilson
    intent_macro_f1: float
    entities: Prf
    entity_interval: tuple[float, float]  # of F1, bootstrap over sentences
    entity_macro_f1: float
    by_entity: dict[str, Prf]
    role_accuracy: float | None
    sentence_accuracy: float  # intent and all entities right
    confusions: tuple[Confusion, ...]


def answer(
    model: Model,
    texts: Sequence[str],
    intents: Sequence[str],
    labels: Sequence[EntityLabel],
    *,
    temperature: float = 1.0,
    contexts: Sequence[Context] = (),
    scope: Scope | None = None,
    outside: str = "",
    several: Several | None = None,
) -> list[Answer]:
    """Ask ``model`` one text at a time, each in its context if there are contexts.

    The server's batches answer no text otherwise: it makes some only of models that answer alike
    in them.
    """
    answers = []
    for text, context in zip(texts, contexts or [NO_CONTEXT] * len(texts), strict=True):
        [scores] = model.read([Reading(text, model.tokenizer, context)])
        found = decode.entities(
            text, scores.words, scores.tags, labels, extractor="model", chain=model.chain
        )
        shares = decode.softmax(scores.intents / temperature).tolist()
        inside = scope.probability(scores.intents, scores.sentence) if scope else 1.0
        answers.append(
            Answer(
                intent=several.ranking(scores.intents / temperature, most=1)[0].name or ""
                if several
                else intent_of(shares, intents, inside=inside, outside=outside if scope else ""),
                column=int(scores.intents.argmax()),
                logits=tuple(scores.intents.tolist()),
                entities=tuple(found),
                inside=inside,
            )
        )
    return answers


def intent_of(
    probabilities: Sequence[float],
    intents: Sequence[str],
    *,
    inside: float = 1.0,
    outside: str = "",
) -> str:
    """The likeliest intent. A retrieval intent's answers count together, then the best is taken.

    ``inside`` and ``outside``: see ``decode.ranking``.
    """
    best = decode.ranking(probabilities, intents, most=1, inside=inside, outside=outside)[0].name
    likely = sorted(zip(probabilities, intents, strict=True), reverse=True)
    return next(name for _, name in likely if name.partition("/")[0] == best)


def top_columns(
    before: Sequence[Answer], after: Sequence[Answer], *, several: bool
) -> tuple[list[int], list[int]]:
    """The likeliest column of each text, to two models.

    Where a message may have several intents, or none, it is no difference which of them comes
    first, nor what is least unlikely.
    """
    first = [said.column for said in before]
    if not several:
        return first, [said.column for said in after]
    second = [
        one.column
        if one.logits[other.column] > 0 or max(*one.logits, *other.logits) <= 0
        else other.column
        for one, other in zip(before, after, strict=True)
    ]
    return first, second


def score(examples: Sequence[Example], answers: Sequence[Answer]) -> Scores:
    """Compare ``answers`` with what ``examples`` say."""
    pairs = list(zip(examples, answers, strict=True))
    right = [example.intent == answered.intent for example, answered in pairs]
    expected = [_spans(example.entities) for example in examples]
    found = [_spans(answered.entities) for answered in answers]
    names = sorted({name for spans in expected + found for _, _, name in spans})
    by_entity = {name: _prf(_counts(expected, found, name).sum(0)) for name in names}
    counts = _counts(expected, found)
    clean = (counts[:, 1:] == 0).all(1) if len(counts) else np.zeros(0, bool)
    supported = [prf.f1 for prf in by_entity.values() if prf.support]
    return Scores(
        sentences=len(examples),
        intent_accuracy=_share(sum(right), len(right)),
        intent_interval=wilson(sum(right), len(right)),
        intent_macro_f1=_macro_f1(pairs),
        entities=_prf(counts.sum(0)),
        entity_interval=_f1_interval(counts),
        entity_macro_f1=_share(sum(supported), len(supported)),
        by_entity=by_entity,
        role_accuracy=_role_accuracy(pairs),
        sentence_accuracy=_share(int((clean & np.array(right, bool)).sum()), len(right)),
        confusions=_confusions(pairs),
    )  # fmt: skip


def wilson(right: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not total:
        return 0.0, 1.0
    z, share = 1.959964, right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(
        share * (1 - share) / total + z * z / (4 * total * total)
    )  # fmt: skip
    return round(max(middle - half, 0.0), 4), round(min(middle + half, 1.0), 4)


Span = tuple[int, int, str]


def _spans(entities: Sequence[Entity | ExampleEntity]) -> set[Span]:
    return {(entity.start, entity.end, entity.entity) for entity in entities}


def _counts(
    expected: Sequence[set[Span]], found: Sequence[set[Span]], name: str | None = None
) -> np.ndarray:
    """Found rightly, found wrongly, missed: (sentences, 3)."""
    rows = []
    for want, got in zip(expected, found, strict=True):
        if name is not None:
            want, got = ({s for s in spans if s[2] == name} for spans in (want, got))
        rows.append((len(want & got), len(got - want), len(want - got)))
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _prf(counts: np.ndarray) -> Prf:
    hit, wrong, missed = (int(count) for count in counts)
    return Prf(
        precision=_share(hit, hit + wrong),
        recall=_share(hit, hit + missed),
        f1=_share(2 * hit, 2 * hit + wrong + missed),
        support=hit + missed,
    )


def _f1_interval(counts: np.ndarray) -> tuple[float, float]:
    if not len(counts):
        return 0.0, 1.0
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(counts), size=(RESAMPLES, len(counts)))
    hit, wrong, missed = counts[drawn].sum(1).T
    f1 = 2 * hit / np.maximum(2 * hit + wrong + missed, 1)
    low, high = np.quantile(f1, (0.025, 0.975))
    return round(float(low), 4), round(float(high), 4)


def _macro_f1(pairs: Sequence[tuple[Example, Answer]]) -> float:
    """The mean F1 of the intents that occur."""
    hit: Counter[str] = Counter()
    expected: Counter[str] = Counter(example.intent for example, _ in pairs)
    answered: Counter[str] = Counter(answered.intent for _, answered in pairs)
    for example, said in pairs:
        hit[example.intent] += example.intent == said.intent
    f1 = [2 * hit[name] / (expected[name] + answered[name]) for name in expected]
    return _share(sum(f1), len(f1))


def _role_accuracy(pairs: Sequence[tuple[Example, Answer]]) -> float | None:
    right = total = 0
    for example, answered in pairs:
        roles = {(e.start, e.end, e.entity): (e.role, e.group) for e in example.entities}
        for entity in answered.entities:
            role = roles.get((entity.start, entity.end, entity.entity))
            given = (entity.role, entity.group)
            if role is not None and (role != (None, None) or given != (None, None)):
                total += 1
                right += role == given
    return _share(right, total) if total else None


def _confusions(pairs: Sequence[tuple[Example, Answer]]) -> tuple[Confusion, ...]:
    texts: dict[tuple[str, str], list[str]] = {}
    for example, answered in pairs:
        if example.intent != answered.intent:
            texts.setdefault((example.intent, answered.intent), []).append(example.text)
    found = [Confusion(*names, len(said), tuple(said)) for names, said in texts.items()]
    return tuple(sorted(found, key=lambda c: (-c.count, c.expected, c.answered)))


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0
