"""What a model's numbers mean: logits to a ranking of intents, tags to entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nlu.chain import Chain
from nlu.manifest import EntityLabel
from nlu.parse import Entity, Intent

Floats = npt.NDArray[np.floating[Any]]
Float64 = npt.NDArray[np.float64]

OUTSIDE = 0


def softmax(logits: Floats) -> Float64:
    """Probabilities along the last axis."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float64)


def ranking(
    probabilities: Sequence[float],
    intents: Sequence[str],
    *,
    most: int = 10,
    inside: float = 1.0,
    outside: str = "",
) -> tuple[Intent, ...]:
    """Intents, the likeliest first. Answers of a retrieval intent count together as that intent.

    Args:
        most: 0 keeps them all.
        inside: The probability that the text has one of the intents at all; a confidence is the
            probability that it has this one, so together they make ``inside``.
        outside: The intent of a text that has no other, which gets what is left to 1.
    """
    sums: dict[str, float] = {}
    for name, probability in zip(intents, probabilities, strict=True):
        base = name.partition("/")[0]
        sums[base] = sums.get(base, 0.0) + float(probability) * inside
    if outside:
        sums[outside] = sums.get(outside, 0.0) + 1 - inside
    ranked = sorted(sums.items(), key=lambda pair: -pair[1])
    return tuple(Intent(name, min(total, 1.0)) for name, total in ranked[: most or None])


def selection(
    probabilities: Sequence[float],
    intents: Sequence[str],
    selectors: Mapping[str | None, int],
) -> dict[str, Any]:
    """Which answer of a retrieval intent fits, as Rasa's ResponseSelector writes it.

    Args:
        probabilities: One per intent.
        intents: ``faq/opening_hours`` for an answer of ``faq``.
        selectors: Retrieval intents asked for, and how many answers of each are ranked (0: all);
            None asks for all together, as ``default``.

    An answer's confidence is its share among the answers of its selector.
    """
    answers = [
        (name, float(probability))
        for name, probability in zip(intents, probabilities, strict=True)
        if "/" in name
    ]
    if not answers or not selectors:
        return {}
    known = list(dict.fromkeys(name.partition("/")[0] for name, _ in answers))
    selected: dict[str, Any] = {"all_retrieval_intents": known}
    for selector, most in selectors.items():
        own = [(n, p) for n, p in answers if selector in (None, n.partition("/")[0])]
        if own:
            selected[selector or "default"] = _selected(own, most)
    return selected


def _selected(answers: Sequence[tuple[str, float]], most: int) -> dict[str, Any]:
    total = sum(probability for _, probability in answers) or 1.0
    ranked = sorted(((p / total, name) for name, p in answers), key=lambda pair: -pair[0])
    confidence, best = ranked[0]
    return {
        "response": {
            "responses": [],
            "confidence": confidence,
            "intent_response_key": best,
            "utter_action": f"utter_{best}",
        },
        "ranking": [
            {"confidence": p, "intent_response_key": name} for p, name in ranked[: most or None]
        ],
    }


def legal_tags(emissions: Floats) -> list[int]:
    """The best-scoring tags, one per word, in which nothing continues that did not begin.

    Args:
        emissions: Shape (words, tags): O, then B and I of every label in turn.

    Viterbi over the one rule: I of a label follows B or I of the same label.
    """
    words, tags = emissions.shape
    best = [int(tag) for tag in emissions.argmax(axis=1)] if words else []
    if _legal(best):  # nearly always, and then nothing legal scores more
        return best
    inside = np.arange(2, tags, 2)
    back = np.zeros((words, tags), dtype=np.int64)
    score = emissions[0].astype(np.float64)
    score[inside] = -np.inf
    for word in range(1, words):
        back[word] = score.argmax()
        begun = score[inside - 1] >= score[inside]
        back[word, inside] = np.where(begun, inside - 1, inside)
        score = score[back[word]] + emissions[word]
    path = [int(score.argmax())]
    for word in range(words - 1, 0, -1):
        path.append(int(back[word, path[-1]]))
    return path[::-1]


def _legal(tags: Sequence[int]) -> bool:
    before = OUTSIDE
    for tag in tags:
        if tag and tag % 2 == 0 and before not in (tag, tag - 1):
            return False
        before = tag
    return True


def entities(
    text: str,
    words: Sequence[tuple[int, int]],
    emissions: Floats,
    labels: Sequence[EntityLabel],
    *,
    extractor: str,
    chain: Chain | None = None,
) -> list[Entity]:
    """Join the tags of words into entities, in the order of the text.

    Args:
        text: What the user wrote.
        words: Where each word starts and ends in ``text``.
        emissions: Shape (words, tags); see ``legal_tags``.
        labels: What each pair of tags stands for.
        extractor: Named as the finder.
        chain: What tags say of each other, if the model has learnt it.

    An entity's confidence is the mean, over its words, of what B and I of its label have together.
    """
    tags = chain.best(emissions) if chain else legal_tags(emissions)
    if not any(tags):
        return []
    probabilities = chain.marginals(emissions) if chain else softmax(emissions)
    found: list[Entity] = []
    for first, tag in enumerate(tags):
        if tag % 2 == 0:  # O, or inside what has begun before
            continue
        last = first
        while last + 1 < len(tags) and tags[last + 1] == tag + 1:
            last += 1
        label, start, end = labels[tag // 2], words[first][0], words[last][1]
        sure = float(probabilities[first : last + 1, tag : tag + 2].sum(axis=1).mean())
        found.append(
            Entity(
                entity=label.entity,
                value=text[start:end],
                start=start,
                end=end,
                role=label.role,
                group=label.group,
                confidence_entity=min(sure, 1.0),
                extractor=extractor,
            )
        )
    return found
