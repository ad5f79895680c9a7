"""A name for a cluster of sentences: the words it has and others lack."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"[^\W\d_]{2,}")
_PLACEHOLDER = re.compile(r"<[^>]*>")
# Words of any request; without them names say what it is about.
COMMON = frozenset(
    re.findall(
        r"\w+",
        "the and for you your can could would will shall what how when where who why which with "
        "from that this there here have has had are was were been did does don not but please "
        "want need like get got just tell know let help hi hello hey thanks thank some any about "
        "into onto than then them they its me my mine our us is it do to of on in at an or if so "
        "up out be by as am ve ll re",
    )
)
MOST = 3  # words of a name


def names(clusters: Sequence[Sequence[str]], taken: Iterable[str] = ()) -> list[str]:
    """A name for each cluster of texts, like ``cancel_order``; no two alike, none ``taken``.

    Words count by how many of the cluster's sentences have them, and how few of the others' do.
    """
    counts = [_counts(texts) for texts in clusters]
    spread = Counter(word for one in counts for word in one)
    used, found = set(taken), []
    for texts, own in zip(clusters, counts, strict=True):
        name = _free(_name(texts, own, spread, len(clusters)), used)
        used.add(name)
        found.append(name)
    return found


def _counts(texts: Sequence[str]) -> Counter[str]:
    return Counter(word for text in texts for word in set(_words(text)))


def _words(text: str) -> list[str]:
    bare = _PLACEHOLDER.sub(" ", text).casefold()
    return [word for word in _WORD.findall(bare) if word not in COMMON]


def _name(texts: Sequence[str], own: Counter[str], spread: Counter[str], clusters: int) -> str:
    weights = {
        word: count / len(texts) * math.log(1 + clusters / spread[word])
        for word, count in own.items()
        if count > 1 or len(texts) == 1
    }
    best = sorted(weights, key=lambda word: (-weights[word], word))
    if not best:
        return "new_intent"
    chosen = [word for word in best if weights[word] >= 0.5 * weights[best[0]]][:MOST]
    return "_".join(_as_said(chosen, texts))


def _as_said(chosen: Sequence[str], texts: Sequence[str]) -> Sequence[str]:
    """The words in the order in which most sentences have them."""
    places: dict[str, list[int]] = {word: [] for word in chosen}
    for text in texts:
        words = _words(text)
        for word in chosen:
            if word in words:
                places[word].append(words.index(word))
    return sorted(chosen, key=lambda word: sum(places[word]) / max(len(places[word]), 1))


def _free(name: str, used: set[str]) -> str:
    if name not in used:
        return name
    return next(f"{name}_{n}" for n in range(2, len(used) + 3) if f"{name}_{n}" not in used)
