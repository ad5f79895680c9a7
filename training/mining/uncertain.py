"""Turns that the model is unsure of, or that lie near a border between two intents."""

from __future__ import annotations

from collections.abc import Iterator

from bot.review.item import Reason
from training.mining.seen import Found, Seen

CONFIDENT = 0.7
CLEAR = 0.25


def low_confidence(seen: Seen, *, below: float = CONFIDENT) -> Iterator[Found]:
    """Those whose likeliest intent is less likely than ``below``."""
    for index, confidence in enumerate(seen.confidences.tolist()):
        if confidence < below:
            note = f"{seen.intents[index]} {confidence:.0%}"
            yield Found(index, Reason("low_confidence", 1 - confidence, note))


def low_margin(seen: Seen, *, below: float = CLEAR) -> Iterator[Found]:
    """Those whose second intent is nearly as likely as the first."""
    for index, margin in enumerate(seen.margins.tolist()):
        if margin < below and seen.seconds[index]:
            note = f"{seen.intents[index]} or {seen.seconds[index]}"
            yield Found(index, Reason("low_margin", 1 - margin, note))
