"""What the gate says: a verdict for each check, and one for all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

Verdict = Literal["pass", "open", "fail"]


class Check(msgspec.Struct, frozen=True):
    """One question asked of the evidence. ``open``: it does not say enough either way."""

    name: str
    verdict: Verdict
    says: str  # a sentence
    numbers: dict[str, Any] = {}


class Difference(msgspec.Struct, frozen=True):
    """A sentence that the two models answer differently. Its text is left out where it is a user's:
    the review item of that ``id`` has it."""

    id: str
    source: str
    expected: str | None
    current: str
    candidate: str
    text: str = ""


class ByIntent(msgspec.Struct, frozen=True):
    """Sentences of one intent: how many, how many each model has right."""

    intent: str
    sentences: int
    current: int
    candidate: int
    gained: int
    lost: int
    chance: float | None = None  # p of being no worse; None where there are too few to say


class Labels(msgspec.Struct, frozen=True):
    """Intents and entities that only one of the models knows."""

    intents_added: tuple[str, ...] = ()
    intents_gone: tuple[str, ...] = ()
    entities_added: tuple[str, ...] = ()
    entities_gone: tuple[str, ...] = ()
    left_out: dict[str, int] = {}  # sentences of intents that only one knows


SAME = Labels()


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate found. ``to_label`` are ids of review items, those first that tell most."""

    created: str
    candidate: str
    current: str
    verdict: Verdict
    checks: tuple[Check, ...]
    sentences: dict[str, int]
    by_intent: tuple[ByIntent, ...] = ()
    differences: tuple[Difference, ...] = ()
    to_label: tuple[str, ...] = ()
    labels: Labels = Labels()
    seeds: tuple[dict[str, Any], ...] = ()
    recipe: dict[str, Any] = {}
    recipe_hash: str = ""
    dataset: str = ""
    format: int = 1

    def check(self, name: str) -> Check:
        """The check of that name."""
        return next(each for each in self.checks if each.name == name)


def together(checks: Iterable[Check]) -> Verdict:
    """One failed check fails all; one that is open leaves all open."""
    verdicts = {check.verdict for check in checks}
    if "fail" in verdicts:
        return "fail"
    return "open" if "open" in verdicts else "pass"
