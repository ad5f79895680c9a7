"""Turns that two models understand differently: labels there tell which of them is better."""

from __future__ import annotations

from collections.abc import Iterator

from bot.review.item import Reason
from training.mining.seen import Found, Seen


def disagreement(current: Seen, candidate: Seen) -> Iterator[Found]:
    """Those with another intent by ``candidate``, which saw the same turns; the surer both are, the
    more is learnt."""
    sure = (current.confidences + candidate.confidences) / 2
    for index, (ours, theirs) in enumerate(zip(current.intents, candidate.intents, strict=True)):
        if ours != theirs:
            note = f"{current.version}: {ours}; {candidate.version}: {theirs}"
            yield Found(index, Reason("disagreement", float(sure[index]), note, theirs))
