"""Clusters by average linkage: two are joined while their members are near enough on average.

By chains of nearest neighbours (Murtagh 1983), which give the same tree as joining the nearest two
of all each time: (n, n) numbers in memory and time in n².
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
ROUNDS = 10

Merge = tuple[int, int, float]  # two places that become one, the first, and how alike they are


def merges(vectors: Floats) -> list[Merge]:
    """Every step of joining ``vectors``, of length 1, (n, hidden); not in the order of alikeness.

    A cluster is known by its first member.
    """
    count = len(vectors)
    alike = (vectors @ vectors.T).astype(np.float32)
    np.fill_diagonal(alike, -np.inf)
    sizes = np.ones(count)
    gone = np.zeros(count, bool)
    chain: list[int] = []
    found: list[Merge] = []
    while len(found) < count - 1:
        if not chain:
            chain.append(int(np.flatnonzero(~gone)[0]))
        last = chain[-1]
        near = int(alike[last].argmax())
        if len(chain) > 1 and alike[last, chain[-2]] >= alike[last, near]:
            other = chain[-2]
            del chain[-2:]
            keep, leave = sorted((last, other))
            found.append((keep, leave, float(alike[keep, leave])))
            share = sizes[keep] / (sizes[keep] + sizes[leave])
            row = share * alike[keep] + (1 - share) * alike[leave]
            alike[keep], alike[:, keep] = row, row
            alike[keep, keep] = -np.inf
            alike[leave], alike[:, leave] = -np.inf, -np.inf
            sizes[keep] += sizes[leave]
            gone[leave] = True
        else:
            chain.append(near)
    return found


def cut(steps: list[Merge], count: int, threshold: float) -> npt.NDArray[np.int_]:
    """Of each of ``count`` places the number of its cluster, 0 and up, where only what is at least
    as alike as ``threshold`` is joined."""
    leader = np.arange(count)

    def find(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = int(leader[place])
        return place

    for keep, leave, alike in steps:
        if alike >= threshold:
            one, other = sorted((find(keep), find(leave)))
            leader[other] = one
    return np.unique([find(place) for place in range(count)], return_inverse=True)[1]


def refined(vectors: Floats, found: npt.NDArray[np.int_], *, fewest: int) -> npt.NDArray[np.int_]:
    """``found`` with each vector, of length 1, in the cluster whose middle is nearest, a few times
    over; clusters of fewer than ``fewest`` are given up, unless all are."""
    for _ in range(ROUNDS):
        sizes = np.bincount(found)
        kept = np.flatnonzero(sizes >= fewest)
        if not len(kept):
            return found
        middles = np.stack([vectors[found == one].mean(axis=0) for one in kept])
        middles /= np.maximum(np.linalg.norm(middles, axis=1, keepdims=True), 1e-9)
        nearest = (vectors @ middles.T).argmax(axis=1)
        if len(kept) == len(sizes) and (nearest == found).all():
            break
        found = np.unique(nearest, return_inverse=True)[1]
    return found
