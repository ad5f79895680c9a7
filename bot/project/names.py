"""Names a person may have meant."""

from __future__ import annotations

from collections.abc import Iterable

CLOSE_ENOUGH = 75
REST_CLOSE_ENOUGH = 60  # of what comes behind a beginning that both share, such as action_


def did_you_mean(name: str, known: Iterable[str], listed_as: str = "") -> str:
    """A sentence with the closest known name, else with all of them if ``listed_as`` is given."""
    from rapidfuzz import fuzz, process  # here, as few servers have names to guess at

    names = sorted(set(known))
    best = process.extractOne(name, names, scorer=fuzz.ratio, score_cutoff=CLOSE_ENOUGH)
    if best and _rests_are_close(name, best[0]):
        return f"Did you mean '{best[0]}'?"
    if listed_as and names:
        return f"{listed_as}: {', '.join(names)}."
    return ""


def _rests_are_close(name: str, known: str) -> bool:
    from rapidfuzz import fuzz
    from rapidfuzz.distance import Prefix

    shared = name[: Prefix.similarity(name, known)].rpartition("_")[0]
    rests = name[len(shared) :], known[len(shared) :]
    return fuzz.ratio(*rests) >= REST_CLOSE_ENOUGH
