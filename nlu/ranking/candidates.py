"""What an agent or the bot may say next, and answers that come down to the same put together."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

import msgspec
import numpy as np

from nlu.session import Float32

Source = Literal["response", "canned", "agent", "faq"]


class Candidate(msgspec.Struct, frozen=True):
    """An answer to choose.

    ``template`` has ``{slot}`` and ``<kind>`` where things differ from one customer to the next.
    ``name`` is that of the response, ``turn`` where the answer was first given: the id of its
    conversation and the number of its event. ``count`` is how often something like it was said.
    """

    template: str
    source: Source
    name: str | None = None
    turn: tuple[str, int] | None = None
    count: int = 1

    @property
    def key(self) -> str:
        """SHA-256 of the template: what its vector is kept by."""
        return sha256(self.template.encode()).hexdigest()


def classes(
    candidates: Sequence[Candidate], vectors: Float32, *, alike: float, most: int
) -> tuple[list[Candidate], list[int]]:
    """One candidate for each group that says the same, and the group of each candidate.

    Args:
        vectors: Of the templates, of length 1, (candidates, hidden).
        alike: A cosine from which on two answers say the same.
        most: So many groups are kept, those said most often; -1 is the group of all others.

    Responses and canned answers are somebody's choice: each is a group of its own, and others may
    join it. Past answers go, the most frequent first, to the first group whose first member is
    alike; the medoid stands for a group of them.
    """
    order = sorted(
        range(len(candidates)),
        key=lambda i: (candidates[i].source == "agent", -candidates[i].count),
    )
    group = [-1] * len(candidates)
    members: list[list[int]] = []
    firsts = np.zeros((0, vectors.shape[1]), dtype=np.float32)
    for index in order:
        near = firsts @ vectors[index] if len(firsts) else np.zeros(0)
        if candidates[index].source == "agent" and len(near) and near.max() >= alike:
            group[index] = int(near.argmax())
            members[group[index]].append(index)
        elif len(members) < most or candidates[index].source != "agent":
            group[index] = len(members)
            members.append([index])
            firsts = np.concatenate([firsts, vectors[index : index + 1]])
    return [_medoid(each, candidates, vectors) for each in members], group


def _medoid(members: Sequence[int], candidates: Sequence[Candidate], vectors: Float32) -> Candidate:
    """The member nearest to all others, said as often as all together."""
    count = sum(candidates[index].count for index in members)
    if candidates[members[0]].source != "agent":
        return msgspec.structs.replace(candidates[members[0]], count=count)
    own, counts = vectors[list(members)], [candidates[index].count for index in members]
    best = int((own @ own.T @ np.array(counts)).argmax())
    return msgspec.structs.replace(candidates[members[best]], count=count)
