"""Which labels would decide: those of sentences the two models answer differently.

Where both answer the same, a label cannot tell them apart. So of a pool of messages only the
disagreements need a person, and then the whole pool counts: the trick that makes the label of one
message worth that of twenty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from training.gate.evidence import Answer, Asked, Evidence
from training.gate.recipe import GateRecipe

Z_PASS, Z_POWER = 1.645, 0.842  # one-sided 5 %, 80 %
RARE = 0.01  # disagreement is thought to be no rarer than that when labels are counted


@dataclass(frozen=True, slots=True)
class Pool:
    """Messages without a label: conversations of those that count as agreed, and, in the order in
    which they should be labelled, those that do not."""

    agreed: tuple[str, ...] = ()
    waiting: tuple[tuple[Asked, Answer, Answer], ...] = ()
    messages: int = 0


NO_POOL = Pool()


def sorted_out(
    asked: Sequence[Asked], current: Sequence[Answer], candidate: Sequence[Answer]
) -> Pool:
    """``asked``, none of which has a label, taken in an order that chance alone decides.

    Messages count as agreed up to the first disagreement nobody has labelled: those behind it
    would be counted without the disagreements among them.
    """
    triples = zip(asked, current, candidate, strict=True)
    ordered = sorted(triples, key=lambda each: sha256(each[0].id.encode()).digest())
    agreed: list[str] = []
    waiting = []
    for each, before, after in ordered:
        if before.intent != after.intent:
            waiting.append((each, before, after))
        elif not waiting:
            agreed.append(each.conversation)
    return Pool(tuple(agreed), tuple(waiting), len(ordered))


def enough(evidence: Evidence, recipe: GateRecipe) -> int:
    """About how many messages would show that a candidate which is as good as it looks is no worse.

    The sample size for McNemar's test of non-inferiority, one-sided, with a power of 80 %; the
    margin is the one for so many messages.
    """
    total = max(evidence.total, 1)
    differing = max((evidence.gained + evidence.lost) / total, RARE)
    better = max((evidence.gained - evidence.lost) / total, 0.0)
    spread = math.sqrt(max(differing - better * better, RARE / 2))
    wanted = total
    while wanted < 1_000_000:
        distance = better + recipe.margin_of(wanted)
        if wanted >= (spread * (Z_PASS + Z_POWER) / distance) ** 2:
            break
        wanted = math.ceil(wanted * 1.05)
    return wanted


def labels_needed(pool: Pool, evidence: Evidence, recipe: GateRecipe) -> int:
    """How many of the waiting ones to label; more than there are where the pool is too small."""
    missing = max(enough(evidence, recipe) - evidence.total, 0)
    if not missing:
        return 0
    share = len(pool.waiting) / pool.messages if pool.messages else 1.0
    return max(1, math.ceil(missing * share)) if pool.waiting else missing
