"""Names a person may have meant."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import fuzz, process
from rapidfuzz.distance import Prefix

CLOSE_ENOUGH = 75
REST_CLOSE_ENOUGH = 60  # of what comes behind a beginning that both share, such as action_


def did_you_mean(name: str, known: Iterable[str], listed_as: str = "") -> str:
    """A sentence with the closest known name, else with all of them if ``listed_as`` is given."""
    names = sorted(set(known))
    best = process.extractOne(name, names, scorer=fuzz.ratio, score_cutoff=CLOSE_ENOUGH)
    if best and _rests_are_close(name, best[0]):
        return f"Did you mean '{best[0]}'?"
    if listed_as and names:
        return f"{listed_as}: {', '.join(names)}."
    return ""


def _rests_are_close(name: str, known: str) -> bool:
    shared = name[: Prefix.similarity(name, known)].rpartition("_")[0]
    rests = name[len(shared) :], known[len(shared) :]
    return fuzz.ratio(*rests) >= REST_CLOSE_ENOUGH
