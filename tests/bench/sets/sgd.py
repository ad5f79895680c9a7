"""Schema-Guided Dialogue: what a system said next, to be found among nine of its other turns.

Dialogues with one service, of the part `train` (Rastogi and others 2019, arXiv 1909.05855). Split
by the dialogue's number modulo 10: 8 and 9 are the test, 7 is to validate on, the rest to train on.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nlu.ranking.dialogue import Line

from .parts import path_of

PARTS = {"test": (8, 9), "valid": (7,), "train": (0, 1, 2, 3, 4, 5, 6)}
DISTRACTORS = 9


@dataclass(frozen=True, slots=True)
class Turn:
    """A system turn and all that was said before it; ``acts`` are its dialogue acts and slots."""

    dialogue: str
    service: str
    context: tuple[Line, ...]
    response: str
    acts: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Question:
    """A turn and what stands to choice: its response first, then the distractors."""

    turn: Turn
    candidates: tuple[str, ...]


def turns(part: str) -> list[Turn]:
    """Every system turn of ``train``, ``valid`` or ``test``, in the order of the file."""
    found: list[Turn] = []
    with gzip.open(path_of("sgd", "train.jsonl.gz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            dialogue = json.loads(line)
            if int(dialogue["dialogue_id"].rpartition("_")[2]) % 10 in PARTS[part]:
                found += _turns(dialogue)
    return found


def questions(part: str, *, count: int, seed: int = 0) -> list[Question]:
    """``count`` turns of ``part``, drawn by ``seed``, each with its distractors.

    Distractors are system turns of other dialogues of the same service and part. None says the
    same as the right answer or as another, by its text in lower case without spaces around, and
    none has the acts and slots of the right answer.
    """
    every, rng = turns(part), random.Random(seed)
    of_service: dict[str, list[Turn]] = {}
    for turn in every:
        of_service.setdefault(turn.service, []).append(turn)
    return [
        Question(turn, (turn.response, *_distractors(turn, of_service[turn.service], rng)))
        for turn in rng.sample(every, min(count, len(every)))
    ]


def _distractors(turn: Turn, others: Sequence[Turn], rng: random.Random) -> list[str]:
    seen, found = {turn.response.lower().strip()}, []
    for other in rng.sample(others, len(others)):
        said = other.response.lower().strip()
        if said in seen or other.acts == turn.acts or other.dialogue == turn.dialogue:
            continue
        seen.add(said)
        found.append(other.response)
        if len(found) == DISTRACTORS:
            return found
    raise ValueError(f"{turn.service} has too few other answers for {DISTRACTORS} distractors.")


def _turns(dialogue: dict[str, Any]) -> list[Turn]:
    found, lines = [], []
    for turn in dialogue["turns"]:
        if turn["speaker"] == "SYSTEM":
            acts = {(each["act"], each["slot"]) for f in turn["frames"] for each in f["actions"]}
            found.append(
                Turn(
                    dialogue=dialogue["dialogue_id"],
                    service=dialogue["services"][0],
                    context=tuple(lines),
                    response=turn["utterance"],
                    acts=frozenset(acts),
                )
            )
        speaker = "agent" if turn["speaker"] == "SYSTEM" else "user"
        lines.append(Line(speaker, turn["utterance"]))
    return found
