"""Turns about something the bot does not know, put together: intents that may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from bot.review.item import Reason
from training.mining.naming import names
from training.mining.seen import Found, Seen
from training.mining.space import Space

OUTSIDE = 0.5  # how likely in scope, below which a turn is looked at
UNSURE = 0.4  # or how likely its best intent
FEWEST = 4  # turns of a new intent
MOST = 3000  # turns that are put together at once
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An intent that may be missing: a name, and its turns by their indices, the most typical
    first. ``closeness``: how alike they are, as a mean cosine."""

    name: str
    members: tuple[int, ...]
    closeness: float

    @property
    def group(self) -> str:
        """Names the items that are labelled together."""
        told = f"{self.name} {len(self.members)} {self.members}"
        return f"cluster:{sha256(told.encode()).hexdigest()[:16]}"


def outside(seen: Seen) -> npt.NDArray[np.int_]:
    """The indices of turns that have perhaps none of the known intents, the surest first."""
    fell = np.array([turn.fell_back for turn in seen.turns], bool)
    found = np.flatnonzero((seen.inside < OUTSIDE) | (seen.confidences < UNSURE) | fell)
    return np.asarray(found[np.argsort(seen.confidences[found], kind="stable")][:MOST])


def suggestions(seen: Seen, space: Space, *, taken: Iterable[str] = ()) -> list[Suggestion]:
    """New intents among what is outside, the largest first; none bears a name that is ``taken``.

    Args:
        space: Learnt from the known intents.
    """
    places = outside(seen)
    if len(places) < FEWEST:
        return []
    vectors = space.of(seen.vectors[places])
    cluster = space.clusters(vectors, fewest=FEWEST)
    sizes = np.bincount(cluster)
    large = [one for one in np.argsort(-sizes, kind="stable") if sizes[one] >= FEWEST]
    typical = [_typical(vectors, np.flatnonzero(cluster == one)) for one in large]
    texts = [[seen.turns[places[i]].text for i in members] for members, _ in typical]
    return [
        Suggestion(name, tuple(places[members].tolist()), closeness)
        for name, (members, closeness) in zip(names(texts, taken), typical, strict=True)
    ]


def found_in(seen: Seen, suggested: Iterable[Suggestion]) -> Iterator[tuple[Found, str]]:
    """The turns of each suggestion, and the group in which one click labels them."""
    for one in suggested:
        shown = [seen.turns[index].text for index in one.members[:SHOWN]]
        note = f"{len(one.members)} alike: {' | '.join(shown)}"
        score = 1 - 1 / np.sqrt(len(one.members))
        for index in one.members:
            yield Found(index, Reason("new_intent", float(score), note, one.name)), one.group


def _typical(
    vectors: npt.NDArray[np.floating],
    members: npt.NDArray[np.int_],
) -> tuple[npt.NDArray[np.int_], float]:
    """The members by how near they are to the others, and how near that is."""
    near = (vectors[members] @ vectors[members].T).mean(axis=1)
    return members[np.argsort(-near, kind="stable")], float(near.mean())
