"""From evidence to a report: every check, one verdict, and what to label where it is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from training.gate import checks
from training.gate.evidence import Answer, Asked, Evidence, is_right
from training.gate.paired import worse
from training.gate.pool import NO_POOL, Pool, enough, labels_needed
from training.gate.recipe import GateRecipe
from training.gate.verdict import SAME, Check, Difference, GateReport, Labels, together

FIRST = 0.5  # of the chance to fail by mistake, the part of the intents; the others share the rest
OTHERS = 7  # checks that chance may fail: flips, per intent, entities, two of scope, calibration,
# seeds


@dataclass(frozen=True)
class Trial:
    """All that the gate looks at.

    ``seeds`` are the answers of models made like the candidate but for their seed. ``learnt`` are
    new corrections with the candidate's answers: it was trained on them, so they prove nothing
    else. ``stories`` are the conversation tests, passed or not, with each of the models; ``bytes``
    the sizes of the graphs.
    """

    current: str
    candidate: str
    evidence: Evidence
    pool: Pool = NO_POOL
    seeds: Mapping[str, Sequence[Answer]] = field(default_factory=dict)
    learnt: tuple[Sequence[Asked], Sequence[Answer]] = ((), ())
    labels: Labels = SAME
    bytes: tuple[int, int] | None = None
    stories: tuple[Mapping[str, bool], Mapping[str, bool]] | None = None
    dataset: str = ""


def decide(trial: Trial, recipe: GateRecipe) -> GateReport:
    """The gate's report on ``trial``."""
    evidence, error = trial.evidence, recipe.fail_error * (1 - FIRST) / OTHERS
    by_intent, table = checks.per_intent(evidence, recipe, error)
    found = [
        checks.intents(evidence, recipe, recipe.fail_error * FIRST),
        checks.flips(evidence, recipe, error),
        checks.critical(evidence),
        by_intent,
        checks.entities(evidence, recipe, error),
        *checks.outside(evidence, recipe, error),
        checks.calibration(evidence, recipe, error),
        *_seeds(trial, error),
        *_learnt(trial, recipe),
        checks.speed(evidence.current, evidence.candidate, recipe),
    ]
    if trial.bytes:
        found.append(checks.size(*trial.bytes, recipe))
    if trial.stories:
        found.append(checks.conversations(*trial.stories))
    verdict = together(found)
    wanted = labels_needed(trial.pool, evidence, recipe) if verdict == "open" else 0
    if verdict == "open":
        found = [_advised(each, trial, recipe, wanted) for each in found]
    return GateReport(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        candidate=trial.candidate,
        current=trial.current,
        verdict=verdict,
        checks=tuple(found),
        sentences=_sentences(trial),
        by_intent=tuple(table),
        differences=_differences(trial),
        to_label=tuple(each.id for each, *_ in trial.pool.waiting[:wanted]),
        labels=trial.labels,
        seeds=_by_seed(trial),
        recipe=msgspec.to_builtins(recipe),
        recipe_hash=recipe.hash,
        dataset=trial.dataset,
    )


def _seeds(trial: Trial, error: float) -> list[Check]:
    """Whether other seeds of the same recipe come to the same: else the candidate was lucky."""
    if not trial.seeds:
        return []
    bad = []
    for name, answers in trial.seeds.items():
        one = Evidence(trial.evidence.asked, trial.evidence.current, answers)
        if worse(one.gained, one.lost) <= error / len(trial.seeds):
            bad.append(name)
    shares = [row["accuracy"] for row in _by_seed(trial)]
    says = f"{len(shares)} seeds: {min(shares):.1%} to {max(shares):.1%} of the intents right"
    says += f"; worse than the current model: {', '.join(bad)}." if bad else "."
    numbers = {"seeds": len(shares), "spread": round(float(np.std(shares)), 4), "worse": bad}
    return [Check("seeds", "fail" if bad else "pass", says, numbers)]


def _by_seed(trial: Trial) -> tuple[dict[str, Any], ...]:
    asked = trial.evidence.asked
    if not trial.seeds or not asked:
        return ()
    every = {trial.candidate: trial.evidence.candidate, **trial.seeds}
    return tuple(
        {"version": name, "accuracy": round(_accuracy(asked, answers), 4)}
        for name, answers in every.items()
    )


def _learnt(trial: Trial, recipe: GateRecipe) -> list[Check]:
    asked, answers = trial.learnt
    if not asked:
        return []
    right = np.array([is_right(*pair) for pair in zip(asked, answers, strict=True)], dtype=np.int64)
    return [checks.corrected(asked, right, recipe)]


def _advised(check: Check, trial: Trial, recipe: GateRecipe, wanted: int) -> Check:
    """``check``, with what would decide it."""
    if check.verdict != "open" or check.name != "intents":
        return check
    waiting, total = len(trial.pool.waiting), trial.evidence.total
    needed = enough(trial.evidence, recipe)
    says = f"{check.says} About {needed} sentences would show it, of {total} there are."
    if waiting:
        first = min(wanted, waiting)
        says += f" Label these {first}: the models disagree on them, and on no other does it hang."
    if wanted > waiting:
        says += f" About {wanted - waiting} more labelled messages are needed beside."
    return msgspec.structs.replace(check, says=says, numbers={**check.numbers, "needed": needed})


def _sentences(trial: Trial) -> dict[str, int]:
    asked = trial.evidence.asked
    return {
        "tests": sum(each.source == "tests" for each in asked),
        "traffic": sum(each.source == "traffic" for each in asked),
        "agreed": len(trial.evidence.agreed),
        "waiting": len(trial.pool.waiting),
    }


def _differences(trial: Trial) -> tuple[Difference, ...]:
    """Where the models differ: first what was lost, then what was gained, then the rest."""
    evidence = trial.evidence
    rows = zip(evidence.asked, evidence.current, evidence.candidate, strict=True)
    told = [
        (int(evidence.after[at] - evidence.before[at]), _difference(*row))
        for at, row in enumerate(rows)
        if row[1].intent != row[2].intent
    ]
    order = {-1: 0, 1: 1, 0: 2}
    known = [row for _, row in sorted(told, key=lambda each: order[each[0]])]
    return (*known, *(_difference(*row) for row in trial.pool.waiting))


def _difference(asked: Asked, current: Answer, candidate: Answer) -> Difference:
    text = asked.text if asked.source == "tests" else ""
    return Difference(asked.id, asked.source, asked.intent, current.intent, candidate.intent, text)


def _accuracy(asked: Sequence[Asked], answers: Sequence[Answer]) -> float:
    right = [is_right(*pair) for pair in zip(asked, answers, strict=True)]
    return sum(right) / max(len(right), 1)
