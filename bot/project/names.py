"""Names a person may have meant."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import fuzz, process

CLOSE_ENOUGH = 75


def did_you_mean(name: str, known: Iterable[str], listed_as: str = "") -> str:
    """A sentence with the closest known name, else with all of them if ``listed_as`` is given."""
    names = sorted(set(known))
    best = process.extractOne(name, names, scorer=fuzz.ratio, score_cutoff=CLOSE_ENOUGH)
    if best:
        return f"Did you mean '{best[0]}'?"
    if listed_as and names:
        return f"{listed_as}: {', '.join(names)}."
    return ""
