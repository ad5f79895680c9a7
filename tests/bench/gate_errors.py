"""How often the gate is wrong, by simulation: pairs of models whose truth is known.

    python -m tests.bench.gate_errors --repeats 1000

Each line is a kind of pair: how much better the candidate truly is (`difference`), on how many
sentences, how often the two differ (`differing`), and what the gate said. `conversation` sentences
stand in one conversation, half of which it decides together. The shares have the usual interval
of a share of `repeats`: 1,000 give 5 % to within 1.4 points.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass

import numpy as np

from training.gate.decide import Trial, decide
from training.gate.evidence import Answer, Asked, Evidence
from training.gate.recipe import GateRecipe, load_gate_recipe

from .line import show

INTENTS = 20
BOTH_WRONG = 0.06


@dataclass(frozen=True)
class Pair:
    """A kind of pair of models."""

    difference: float
    sentences: int
    differing: float = 0.06
    conversation: int = 1


PAIRS = (
    Pair(-0.01, 1000), Pair(-0.01, 1000, 0.1), Pair(-0.01, 4000), Pair(-0.01, 1000, 0.06, 5),
    Pair(0.0, 300), Pair(0.0, 1000), Pair(0.0, 1000, 0.1), Pair(0.0, 4000),
    Pair(0.0, 1000, 0.06, 5),
    Pair(0.03, 1000), Pair(0.03, 1000, 0.1), Pair(-0.03, 1000), Pair(-0.03, 1000, 0.1),
    Pair(-0.05, 200), Pair(-0.0333, 300), Pair(-0.02, 500),
)  # fmt: skip


def drawn(pair: Pair, rng: np.random.Generator) -> Evidence:
    """Answers of such a pair: who is right is drawn by sentence, or half of it by conversation."""
    gained = (pair.differing + pair.difference) / 2
    shares = [gained, pair.differing - gained, BOTH_WRONG, 1 - pair.differing - BOTH_WRONG]
    count = pair.sentences
    kinds = rng.choice(4, size=count, p=shares)
    where = np.arange(count) // pair.conversation
    if pair.conversation > 1:  # half of the sentences go as their conversation goes
        together = rng.choice(4, size=where.max() + 1, p=shares)[where]
        kinds = np.where(rng.random(count) < 0.5, together, kinds)
    right = rng.integers(INTENTS, size=count)
    sure = rng.beta(8, 1, size=(2, count))
    asked, before, after = [], [], []
    for at in range(count):
        name, other = f"intent_{right[at]}", f"intent_{(right[at] + 1) % INTENTS}"
        asked.append(Asked(str(at), "", name, conversation=f"c{where[at]}"))
        before.append(Answer(name if kinds[at] in (1, 3) else other, sure[0, at]))
        after.append(Answer(name if kinds[at] in (0, 3) else other, sure[1, at]))
    return Evidence(asked, before, after)


def verdicts(pair: Pair, repeats: int, seed: int, recipe: GateRecipe) -> Counter[str]:
    """What the gate says of ``repeats`` such pairs, and which checks were to blame."""
    rng, said = np.random.default_rng(seed), Counter[str]()
    for _ in range(repeats):
        report = decide(Trial("current", "candidate", drawn(pair, rng)), recipe)
        said[report.verdict] += 1
        said.update(f"failed {each.name}" for each in report.checks if each.verdict == "fail")
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    recipe = load_gate_recipe()
    for pair in PAIRS:
        said = verdicts(pair, chosen.repeats, chosen.seed, recipe)
        show(
            "gate",
            difference=pair.difference,
            sentences=pair.sentences,
            differing=pair.differing,
            conversation=pair.conversation,
            margin=round(recipe.margin_of(pair.sentences), 4),
            repeats=chosen.repeats,
            seed=chosen.seed,
            **{name: round(count / chosen.repeats, 4) for name, count in sorted(said.items())},
        )


if __name__ == "__main__":
    main()
