"""Turns that the user said again in other words, or took back: the first was misunderstood."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, pairwise

from bot.review.item import Opinion, Reason
from bot.review.turn import Turn
from training.mining.seen import Found, Seen

WITHIN_S = 60.0
ALIKE = (0.5, 0.95)  # cosines: about the same, and not just the same words again
SURE = 0.9
WEIGHT = 0.3  # of what the second wording was understood as

# What people say when they were not understood; beginnings, in the languages of the starter's docs.
_CORRECTS = re.compile(
    r"^\W*(?:"
    r"(?:no|nope|nah)\b[\s,.!]*(?:i\s+(?:mean|meant|said|want|wanted)|not\s+that|that'?s\s+(?:not|wrong))"
    r"|i\s+(?:meant|said)\b|that'?s\s+(?:not|wrong)|not\s+what\s+i|you\s+(?:misunderstood|got\s+it\s+wrong)"
    r"|wrong\b|nein\b[\s,.!]*(?:ich\s+(?:meine|meinte|wollte)|das)|ich\s+(?:meine|meinte)\b|falsch\b"
    r"|non\b[\s,.!]*(?:je\s+(?:veux|voulais)|ce\s+n'est)|no\b[\s,.!]*(?:quiero|quise|eso\s+no)"
    r"|不是|不对|我(?:的意思)?是说"
    r")",
    re.IGNORECASE,
)


def corrections(seen: Seen) -> Iterator[Found]:
    """Turns before a correction or a rephrasing; the later wording suggests the intent."""
    for first, second in _neighbours(seen):
        suggested = seen.answers[second] if seen.confidences[second] >= SURE else None
        said = seen.turns[second].text
        if _CORRECTS.match(said):
            yield Found(first, Reason("correction", 0.9, f"then: {said}", suggested))
        elif _is_rephrased(seen, first, second):
            score = 0.8 if seen.intents[first] != seen.intents[second] else 0.5
            yield Found(first, Reason("rephrased", score, f"then: {said}", suggested))


def rephrased_as(seen: Seen, now: float) -> dict[int, Opinion]:
    """Weak labels: what the second wording was understood as, where the model was sure."""
    return {
        first: Opinion("intent", "rephrased", now, seen.answers[second], (), "weak", WEIGHT)
        for first, second in _neighbours(seen)
        if seen.confidences[second] >= SURE
        and _is_rephrased(seen, first, second)
        and seen.intents[first] != seen.intents[second]
    }


def _neighbours(seen: Seen) -> Iterator[tuple[int, int]]:
    """Indices of each two turns that follow one another in a conversation."""
    order = sorted(range(len(seen)), key=lambda index: seen.turns[index].key)
    for _, same in groupby(order, key=lambda index: seen.turns[index].key[:2]):
        for first, second in pairwise(same):
            if _is_soon(seen.turns[first], seen.turns[second]):
                yield first, second


def _is_soon(first: Turn, second: Turn) -> bool:
    if not first.at or not second.at:  # nobody knows when
        return True
    return 0 <= second.at - first.at <= WITHIN_S


def _is_rephrased(seen: Seen, first: int, second: int) -> bool:
    lowest, highest = ALIKE
    alike = float(seen.vectors[first] @ seen.vectors[second])
    was_answered = seen.turns[first].clicked is not None
    return lowest <= alike <= highest and not was_answered
