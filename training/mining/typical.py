"""How many turns a turn stands for."""

from __future__ import annotations

from training.mining.seen import Seen

ALIKE = 0.9  # cosine of two turns about the same thing
MANY = 5  # turns like one, from which it is asked for their sake, too


def like(seen: Seen, index: int) -> int:
    """How many other turns say much the same."""
    return int((seen.vectors @ seen.vectors[index] >= ALIKE).sum()) - 1
