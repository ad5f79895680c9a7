"""BANKING77: what customers ask an online bank, 77 intents (Casanueva and others 2020)."""

from __future__ import annotations

import json
import random

from bot.project.project import Example

from .parts import Parts, path_of, read_csv

SET = "banking77"


def full() -> Parts:
    """All of it: 10,003 to train on, 3,080 to test."""
    return Parts(_rows("train"), _rows("test"))


def few(shots: int) -> Parts:
    """The published sample of 5 or 10 sentences an intent, and its sentences to validate on."""
    rows, picked = _rows("train"), _picked()
    return Parts(
        train=[rows[index] for index in picked[f"train_{shots}"]],
        valid=[rows[index] for index in picked["valid"]],
        test=_rows("test"),
    )


def fifty() -> Parts:
    """50 of the intents, to be told from the others (Zhang and others 2021, row numbers only)."""
    return _split("train", "valid", "test")


def other_27() -> Parts:
    """The sentences of the other 27 intents: near, and none of the fifty."""
    return _split("id_oos_train", "id_oos_valid", "id_oos_test")


def _split(train: str, valid: str, test: str) -> Parts:
    rows, tests = _rows("train"), _rows("test")
    at = json.loads(path_of(SET, "oos_row_indices.json").read_bytes())
    return Parts(
        train=[rows[index] for index in at[train]],
        valid=[rows[index] for index in at[valid]],
        test=[tests[index] for index in at[test]],
    )


def another_few(shots: int, seed: int) -> Parts:
    """Another sample of ``shots`` sentences an intent, to choose a recipe on; nothing to test."""
    rows, picked = _rows("train"), _picked()
    valid = picked["valid"]
    of_intent: dict[str, list[Example]] = {}
    for index in sorted(set(range(len(rows))) - set(valid)):
        of_intent.setdefault(rows[index].intent, []).append(rows[index])
    rng = random.Random(seed)
    train = [each for name in sorted(of_intent) for each in rng.sample(of_intent[name], shots)]
    return Parts(train, test=[], valid=[rows[index] for index in valid])


def _rows(part: str) -> list[Example]:
    return list(read_csv(path_of(SET, f"{part}.csv"), "text", "category"))


def _picked() -> dict[str, list[int]]:
    """Row numbers of train.csv by the name of the sample."""
    picked: dict[str, list[int]] = json.loads(path_of(SET, "fewshot_row_indices.json").read_bytes())
    return picked
