"""How doubtful turns are in the light of what people have said since the model learned.

A budget that is spent at once asks again and again of what its first answers have settled, and
misses what they have thrown into doubt. So where there are answers that the model has not learnt, a
classifier that is fitted at once learns all that is known, and its doubt takes the place of the
model's: sequential in place of batch active learning (Settles, Active Learning Literature Survey,
2009, section 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bot.review.item import ReviewItem
from bot.review.store import Reviews
from nlu.bundle import Bundle
from training.mining.light import fitted
from training.mining.seen import Float32, Seen, vectors_of

PAGE = 1000


@dataclass(frozen=True)
class Labelled:
    """Sentences and what they are. ``vectors``: (sentences, hidden), of length 1."""

    intents: Sequence[str]
    vectors: Float32

    def __add__(self, other: Labelled) -> Labelled:
        intents = [*self.intents, *other.intents]
        return Labelled(intents, np.concatenate([self.vectors, other.vectors]))


async def answers(reviews: Reviews, bundle: Bundle) -> Labelled | None:
    """All that people decided, by the vectors of ``bundle``; None where it has learnt all of it.

    What is out of scope is an intent of its own. Raises Unavailable.
    """
    found: list[ReviewItem] = []
    after = 0
    while page := await reviews.decided(after=after, limit=PAGE):
        found += page
        after = page[-1].revision
    learnt = bundle.manifest.lineage.reviewed
    told = [item for item in found if item.decision and item.decision.kind == "person"]
    if all(item.revision <= learnt for item in told):
        return None
    intents = [_intent(item) or bundle.manifest.outside for item in told]
    return Labelled(intents, vectors_of([item.text for item in told], bundle))


def _intent(item: ReviewItem) -> str:
    """What a person decided; empty where it is out of scope."""
    return ((item.decision and item.decision.intent) or "").partition("/")[0]


def margins(seen: Seen, known: Labelled) -> Float32:
    """How much likelier each turn's first intent is than its second, by what is ``known``.

    (turns,), 0 to 1, as ``seen.margins``: these, where fewer than two intents are known.
    """
    names = sorted(set(known.intents))
    if len(names) < 2 or not len(seen):
        return seen.margins
    light = fitted(known.vectors, [names.index(intent) for intent in known.intents], len(names))
    likely = np.sort(light.says(seen.vectors), axis=1)
    found: Float32 = (likely[:, -1] - likely[:, -2]).astype(np.float32)
    return found
