"""Turns after which the bot gave up or asked again, and what came of the asking."""

from __future__ import annotations

from collections.abc import Iterator

from bot.actions.fallback import DENIED
from bot.review.item import Opinion, Reason
from bot.review.turn import Turn
from training.mining.seen import Found, Seen

ASKED = "action_default_ask_affirmation"
TWO_STAGE = "action_two_stage_fallback"
GAVE_UP = ("action_default_fallback", "action_unlikely_intent")
WEIGHT = 0.5  # of what a user confirmed by a button


def fallback(seen: Seen) -> Iterator[Found]:
    """Those that the model or a policy fell back on; surest where the user denied the guess."""
    for index, turn in enumerate(seen.turns):
        if reason := _reason(turn):
            yield Found(index, reason)


def confirmed(turn: Turn, now: float) -> Opinion | None:
    """What the user said it meant, by a button of the bot's own question; a weak label."""
    if turn.clicked in (None, DENIED) or not _was_asked(turn):
        return None
    return Opinion(*("intent", "two_stage", now, turn.clicked), turn.said.entities, "weak", WEIGHT)


def _reason(turn: Turn) -> Reason | None:
    if _was_asked(turn):
        if turn.clicked == DENIED:
            return Reason("two_stage", 1.0, f"asked whether {turn.said.intent}: denied")
        if turn.clicked:
            return Reason("two_stage", 0.5, "asked, and confirmed by a button", turn.clicked)
        return Reason("two_stage", 0.8, "asked what was meant")
    if gave_up := [name for name in turn.actions if name in GAVE_UP]:
        return Reason("fallback", 0.7, gave_up[0])
    if turn.fell_back:
        return Reason("fallback", 0.6, "the model fell back")
    return None


def _was_asked(turn: Turn) -> bool:
    return ASKED in turn.actions or TWO_STAGE in turn.actions
