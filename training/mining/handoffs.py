"""Turns that a person had to answer."""

from __future__ import annotations

from collections.abc import Iterator

from bot.review.item import Reason
from training.mining.seen import Found, Seen

SHOWN = 160  # characters of the answer


def handoffs(seen: Seen) -> Iterator[Found]:
    """Those that an agent answered; surer the less sure the model is of them."""
    for index, turn in enumerate(seen.turns):
        if turn.agent:
            score = 0.5 + 0.5 * (1 - float(seen.confidences[index]))
            yield Found(index, Reason("agent", score, f"an agent said: {turn.agent[0][:SHOWN]}"))
