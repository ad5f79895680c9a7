"""The questions of the gate, each a function from evidence to a Check.

``error`` is the check's share of the chance that a candidate as good as the current model fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from training.gate.evidence import Answer, Asked, Evidence, counts, is_outside
from training.gate.paired import (
    Floats,
    Ints,
    groups,
    least,
    most,
    not_worse,
    resampled,
    significant,
    summed,
    tail,
    worse,
)
from training.gate.recipe import GateRecipe
from training.gate.verdict import ByIntent, Check, Verdict

BINS = 15  # of the calibration error, as training.calibration has them


def intents(evidence: Evidence, recipe: GateRecipe, error: float) -> Check:
    """Whether the candidate is right about as often: the check that carries the gate's promises.

    Passes where it is shown to be worse by less than the margin, fails where it is shown to be
    worse; both by a test of the sentences and by a bootstrap of the conversations.
    """
    gained, lost, total = evidence.gained, evidence.lost, evidence.total
    margin = recipe.margin_of(total)
    sums = resampled(summed(evidence.differences, evidence.group), recipe.draws)
    drawn = sums[:, 0] / np.maximum(sums[:, 1], 1)
    p_worse, p_as_good = not_worse(gained, lost, total, margin), worse(gained, lost)
    numbers = {
        "sentences": total,
        "conversations": int(evidence.group.max()) + 1 if total else 0,
        "gained": gained,
        "lost": lost,
        "difference": _share(gained - lost, total),
        "margin": round(margin, 4),
        "p_worse": p_worse,
        "p_as_good": p_as_good,
        "interval": _interval(drawn),
    }
    verdict: Verdict = "open"
    if total < recipe.least_items:
        says = f"{total} sentences are too few; {recipe.least_items} are the least."
        return Check("intents", verdict, says, numbers)
    if p_as_good <= error and np.quantile(drawn, 1 - error) < 0:
        verdict = "fail"
    elif p_worse <= recipe.pass_error and np.quantile(drawn, recipe.pass_error) > -margin:
        verdict = "pass"
    told = {"pass": "no worse by", "fail": "worse", "open": "not shown to be no worse by"}
    says = f"{gained} gained, {lost} lost of {total}: {told[verdict]}"
    says += "." if verdict == "fail" else f" {margin:.1%} or more."
    return Check("intents", verdict, says, numbers)


def flips(evidence: Evidence, recipe: GateRecipe, error: float) -> Check:
    """How many sentences are wrong now that were right."""
    lost, total = evidence.lost, evidence.total
    limit = recipe.flips + recipe.margin_of(total)
    low, high = least(lost, total, error), most(lost, total, recipe.pass_error)
    verdict: Verdict = "fail" if low > recipe.flips else "pass" if high <= limit else "open"
    says = f"{lost} of {total} were right and are wrong now: at most {high:.1%}"
    says += f", of {limit:.1%} allowed."
    numbers = {"lost": lost, "share": _share(lost, total), "most": round(high, 4), "limit": limit}
    return Check("flips", verdict, says, numbers)


def critical(evidence: Evidence) -> Check:
    """Sentences marked as critical that the candidate alone has wrong: none may be."""
    places = [at for at, each in enumerate(evidence.asked) if each.critical]
    lost = [
        evidence.asked[at].text for at in places if evidence.before[at] and not evidence.after[at]
    ]
    says = f"{len(lost)} of {len(places)} critical sentences lost."
    return Check("critical", "fail" if lost else "pass", says, {"lost": lost})


def per_intent(
    evidence: Evidence, recipe: GateRecipe, error: float
) -> tuple[Check, list[ByIntent]]:
    """Intents that got worse, of those with enough sentences to say so."""
    rows: dict[str, list[int]] = {}
    for at, each in enumerate(evidence.asked):
        rows.setdefault(each.intent or "", []).append(at)
    table = [_row(name, places, evidence, recipe) for name, places in sorted(rows.items())]
    chances = {row.intent: row.chance for row in table if row.chance is not None}
    found = significant(chances, error)
    says = f"{len(found)} of {len(chances)} intents with {recipe.intent_items} sentences got worse"
    says += f": {', '.join(found)}." if found else "."
    numbers = {"worse": found, "tested": len(chances), "false_discoveries": error}
    return Check("per intent", "fail" if found else "pass", says, numbers), table


def entities(evidence: Evidence, recipe: GateRecipe, error: float) -> Check:
    """F1 of the entities, strict: start, end and name must be right."""
    before = counts(evidence.asked, evidence.current)
    after = counts(evidence.asked, evidence.candidate)
    support = int(before[:, 0].sum() + before[:, 2].sum())
    if not support:
        return Check("entities", "pass", "No entity is marked in these sentences.")
    group = groups([each.conversation for each in evidence.asked])
    drawn = resampled(summed(np.concatenate([before, after], axis=1), group), recipe.draws)
    gaps = _f1(drawn[:, 3:]) - _f1(drawn[:, :3])
    values = [float(_f1(part.sum(0)[None])[0]) for part in (before, after)]
    allowed = max(recipe.entity_margin, recipe.margin_of(support))
    verdict = _secondary(values[1] - values[0], gaps, allowed, error)
    says = f"F1 {values[0]:.1%}, now {values[1]:.1%}, of {support} entities."
    numbers = {"current": values[0], "candidate": values[1], "interval": _interval(gaps)}
    return Check("entities", verdict, says, {**numbers, "support": support, "margin": allowed})


def outside(evidence: Evidence, recipe: GateRecipe, error: float) -> list[Check]:
    """Strangers that are let in, and what belongs in and is turned away, each by McNemar's test."""
    strangers = [at for at, each in enumerate(evidence.asked) if each.is_outside]
    ours = [at for at, each in enumerate(evidence.asked) if not each.is_outside]
    found = []
    if strangers:
        part = evidence.of(strangers)
        found.append(_turned("strangers", part, (part.before, part.after), recipe, error))
    if ours:
        part = evidence.of(ours)
        kept = [
            np.array([not is_outside(each.intent) for each in answers], dtype=np.int64)
            for answers in (part.current, part.candidate)
        ]
        found.append(_turned("kept", part, (kept[0], kept[1]), recipe, error))
    return found


def calibration(evidence: Evidence, recipe: GateRecipe, error: float) -> Check:
    """Whether confidences say as truly as before how often they are right."""
    parts = [
        _binned(evidence.current, evidence.before),
        _binned(evidence.candidate, evidence.after),
    ]
    group = groups([each.conversation for each in evidence.asked])
    # Every sentence is like no other here, so drawing takes long; its bound need not be sharp.
    drawn = resampled(summed(np.concatenate(parts, axis=1), group), recipe.draws // 5)
    gaps = _ece(drawn[:, BINS:]) - _ece(drawn[:, :BINS])
    values = [float(_ece(part.sum(0)[None])[0]) / max(len(part), 1) for part in parts]
    gaps = gaps / max(len(evidence.asked), 1)
    grown = values[1] - values[0]
    beyond = float(np.quantile(gaps, error)) > recipe.calibration_margin
    verdict: Verdict = "fail" if beyond and grown > recipe.calibration_margin else "pass"
    says = f"Calibration error {values[0]:.1%}, now {values[1]:.1%}."
    numbers = {"current": values[0], "candidate": values[1], "interval": _interval(gaps)}
    return Check("calibration", verdict, says, numbers)


def corrected(asked: Sequence[Asked], right: Ints, recipe: GateRecipe) -> Check:
    """Whether the candidate has learned what it was made to learn."""
    places = [at for at, each in enumerate(asked) if each.corrected]
    fixed = int(right[places].sum()) if places else 0
    enough = not places or fixed >= recipe.corrections * len(places)
    says = f"{fixed} of {len(places)} new corrections are answered as corrected."
    numbers = {"corrections": len(places), "fixed": fixed}
    return Check("corrections", "pass" if enough else "fail", says, numbers)


def speed(current: Sequence[Answer], candidate: Sequence[Answer], recipe: GateRecipe) -> Check:
    """The time for a sentence, which both read in turn: the median of how many times the candidate
    takes. Few sentences say nothing of it: anything else may have been going on."""
    times = [np.array([each.ms for each in part]) for part in (current, candidate)]
    if not len(times[0]):
        return Check("speed", "pass", "Nothing was timed.")
    ratio = float(np.median(times[1] / np.maximum(times[0], 1e-6)))
    numbers = {
        "current_ms": {"p50": _ms(times[0], 0.5), "p95": _ms(times[0], 0.95)},
        "candidate_ms": {"p50": _ms(times[1], 0.5), "p95": _ms(times[1], 0.95)},
        "ratio": round(ratio, 3),
    }
    says = f"{np.median(times[0]):.1f} ms a sentence, now {np.median(times[1]):.1f}: "
    says += f"{ratio:.2f} times."
    slow = len(times[0]) >= recipe.least_items and ratio > recipe.slower
    return Check("speed", "fail" if slow else "pass", says, numbers)


def size(current: int, candidate: int, recipe: GateRecipe) -> Check:
    """Bytes of the graphs."""
    ratio = candidate / max(current, 1)
    says = f"{current / 1e6:.1f} MB, now {candidate / 1e6:.1f} MB."
    verdict: Verdict = "fail" if ratio > recipe.larger else "pass"
    return Check("size", verdict, says, {"current": current, "candidate": candidate})


def conversations(current: Mapping[str, bool], candidate: Mapping[str, bool]) -> Check:
    """Conversation tests that passed with the current model and do not with the candidate."""
    lost = sorted(name for name, passed in candidate.items() if not passed and current.get(name))
    passed = sum(candidate.values())
    says = f"{passed} of {len(candidate)} pass; {len(lost)} that passed before do not."
    numbers = {"lost": lost, "tests": len(candidate), "passed": passed}
    return Check("conversations", "fail" if lost else "pass", says, numbers)


def _row(name: str, places: Sequence[int], evidence: Evidence, recipe: GateRecipe) -> ByIntent:
    before, after = evidence.before[list(places)], evidence.after[list(places)]
    gained, lost = int((after > before).sum()), int((after < before).sum())
    enough = len(places) >= recipe.intent_items
    chance = worse(gained, lost) if enough else None
    right = int(before.sum()), int(after.sum())
    return ByIntent(name, len(places), *right, gained, lost, chance)


def _turned(
    name: str, part: Evidence, right: tuple[Ints, Ints], recipe: GateRecipe, error: float
) -> Check:
    before, after = right
    gained, lost = int((after > before).sum()), int((after < before).sum())
    total = len(before)
    allowed = max(recipe.outside_margin, recipe.margin_of(total))
    verdict: Verdict = "pass"
    if tail(lost, gained + lost) <= error:
        verdict = "fail"
    elif (lost - gained) / total > allowed:
        verdict = "open"
    what = {"strangers": "out of scope turned away", "kept": "in scope not turned away"}[name]
    says = f"{int(before.sum())} of {total} sentences {what}, now {int(after.sum())}."
    numbers = {"sentences": total, "gained": gained, "lost": lost, "margin": allowed}
    return Check(name, verdict, says, numbers)


def _secondary(seen: float, drawn: Floats, allowed: float, error: float) -> Verdict:
    """Failed where the fall is sure, open where it is large and not sure."""
    if np.quantile(drawn, 1 - error) < 0:
        return "fail"
    return "open" if seen < -allowed else "pass"


def _f1(sums: Floats) -> Floats:
    hit, wrong, missed = sums[:, 0], sums[:, 1], sums[:, 2]
    found: Floats = 2 * hit / np.maximum(2 * hit + wrong + missed, 1)
    return found


def _binned(answers: Sequence[Answer], right: Ints) -> Floats:
    """Confidence less correctness of each answer, in the column of its bin: (sentences, bins)."""
    sure = np.array([each.confidence for each in answers])
    table = np.zeros((len(answers), BINS))
    place = np.clip(np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1)
    table[np.arange(len(answers)), place] = sure - right
    return table


def _ece(sums: Floats) -> Floats:
    """Of sums of `_binned`, (draws, bins): the calibration error times the sentences."""
    found: Floats = np.abs(sums).sum(axis=1)
    return found


def _interval(drawn: Floats) -> tuple[float, float]:
    """95 %."""
    low, high = np.quantile(drawn, (0.025, 0.975))
    return round(float(low), 4), round(float(high), 4)


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


def _ms(times: Floats, quantile: float) -> float:
    return round(float(np.quantile(times, quantile)), 2)
